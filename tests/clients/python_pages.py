"""A shelf of books, read page by page with the official PyPI `ConvexClient`."""

from __future__ import annotations

import json
import sys
from typing import Any

from convex import ConvexClient, ConvexError


def main() -> None:
    """Read all pages, and ask with a cursor that nobody made."""
    args = json.loads(sys.argv[1])
    client = ConvexClient(args["url"])

    def ask(cursor: str | None) -> Any:
        options = {"numItems": args["items"], "cursor": cursor}
        return client.query("books:onShelf", {"shelf": args["shelf"], "paginationOpts": options})

    pages: list[list[str]] = []
    cursor: str | None = None
    is_done = False
    while not is_done:
        result = ask(cursor)
        pages.append([book["title"] for book in result["page"]])
        cursor, is_done = result["continueCursor"], result["isDone"]
    data: Any = None
    try:
        ask("nobody's")
    except ConvexError as error:
        data = error.data
    print(json.dumps({"pages": pages, "isConvexError": data is not None, "data": data}))


if __name__ == "__main__":
    main()
