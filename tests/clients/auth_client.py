"""The official PyPI `ConvexClient` with tokens, the admin key, and neither."""

from __future__ import annotations

import faulthandler
import json
import sys

from convex import ConvexClient

# A call of this client that waits for an answer cannot be interrupted, only ended.
HANGS_AFTER_SECONDS = 40


def main() -> None:
    """Sign in and out, and tell who the client was."""
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    args = json.loads(sys.argv[1])
    client = ConvexClient(args["url"])
    result = {"nobody": client.query("who:me")}
    client.set_auth(args["token"])
    result["user"] = client.query("who:me")
    result["author"] = client.mutation("notes:add", {"text": "from Python"})
    client.set_auth(args["freshToken"])
    result["fresh"] = client.query("who:me")
    client.set_admin_auth(args["adminKey"])
    result["count"] = client.query("who:countOfEverybody")
    result["admin"] = client.query("who:me")
    client.clear_auth()
    result["after"] = client.query("who:me")
    print(json.dumps(result), flush=True)


main()
