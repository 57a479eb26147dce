"""The official PyPI `ConvexClient` calls actions."""

from __future__ import annotations

import faulthandler
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from convex import ConvexClient, ConvexError

HANGS_AFTER_SECONDS = 50


def main(args: Mapping[str, Any]) -> None:
    """Tell what came back, also of an action whose server is killed and started again."""
    client = ConvexClient(args["url"])

    def deliver(content: str) -> Any:
        return client.action("parcels:deliver", {"to": args["to"], "content": content})

    result = {
        "delivered": deliver("book"),
        "empty": failure(lambda: deliver("")),
        "lost": failure(lambda: client.action("parcels:lose", {})),
    }
    tell({"waiting": True})
    result["cut"] = client.action("parcels:deliverWhen", args["delivery"])
    result["afterwards"] = deliver("lamp")
    tell(result)


def failure(call: Callable[[], object]) -> dict[str, Any] | None:
    """Return what a call failed with."""
    try:
        call()
    except ConvexError as error:
        return {"kind": "ConvexError", "message": str(error), "data": error.data}
    except Exception as error:
        return {"kind": type(error).__name__, "message": str(error)}
    return None


def tell(message: object) -> None:
    """Print one JSON line for the test."""
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    main(json.loads(sys.argv[1]))
