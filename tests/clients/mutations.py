"""The official PyPI `ConvexClient` asks for mutations as the test says."""

from __future__ import annotations

import faulthandler
import json
import sys
from typing import Any

from convex import ConvexClient

HANGS_AFTER_SECONDS = 50


def main(args: dict[str, Any]) -> None:
    """Ask for one mutation after another, and tell how each ended."""
    client = ConvexClient(args["url"])
    list_name = args["listName"]
    client.query("entries:list", {"listName": list_name})
    tell({"ready": True})
    for line in sys.stdin:
        texts = json.loads(line).get("texts")
        if texts is None:
            break
        for text in texts:
            count = client.mutation("entries:add", {"listName": list_name, "text": text})
            tell({"text": text, "count": count})
    tell({"list": client.query("entries:list", {"listName": list_name})})


def tell(message: object) -> None:
    """Print one JSON line for the test."""
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    main(json.loads(sys.argv[1]))
