"""The official PyPI `ConvexClient` watches a list of megabytes."""

from __future__ import annotations

import faulthandler
import json
import sys
from typing import Any

from convex import ConvexClient

HANGS_AFTER_SECONDS = 50


def main(args: dict[str, Any]) -> None:
    """Tell what the first and the second state of the list were."""
    client = ConvexClient(args["url"])
    live = client.subscribe(
        "entries:large",
        {"listName": args["listName"], "count": args["count"], "size": args["size"]},
    )
    first = next(live)
    added = client.mutation("entries:add", {"listName": args["listName"], "text": "hello"})
    last = next(live)
    result = {"first": summary(first), "last": summary(last), "added": added}
    print(json.dumps(result), flush=True)


def summary(lines: list[str]) -> dict[str, Any]:
    """Tell of a list what the test compares."""
    return {"length": len(lines), "sizes": [*{len(line) for line in lines}], "line": lines[0][:11]}


if __name__ == "__main__":
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    main(json.loads(sys.argv[1]))
