"""The official PyPI `ConvexClient`, walked through every function of the chat app."""

from __future__ import annotations

import faulthandler
import json
import sys
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from convex import ConvexClient, ConvexError

NAME = "PyPI ConvexClient"

# A call of this client that waits for an answer cannot be interrupted, only ended.
HANGS_AFTER_SECONDS = 40


class Walk:
    """One walk with one client; the same steps as in `scenario.mjs`."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self.ids = ids
        self.client = ConvexClient(ids["url"])

    def run(self) -> dict[str, Any]:
        """Call every function and return what came back."""
        ids, query, mutation = self.ids, self.client.query, self.client.mutation
        session_id = mutation("sessions:create", {"repoId": ids["repoId"], "userId": NAME})
        result: dict[str, Any] = {
            "name": NAME,
            "sessionId": session_id,
            "session": query("sessions:get", {"sessionId": session_id}),
            "sessions": query("sessions:listByRepo", {"repoId": ids["repoId"]}),
            "missingSession": query("sessions:get", {"sessionId": ids["missingSessionId"]}),
        }
        result |= self._watch_messages(session_id)
        result |= {
            "touched": mutation("sessions:updateLastActive", {"sessionId": session_id}),
            "active": query("sessions:get", {"sessionId": session_id}),
            "repo": query("projects:get", {"repoId": ids["repoId"]}),
            "repos": query("projects:listByTeam", {"teamId": ids["teamId"]}),
        }
        commit = {"commitSha": f"sha of {NAME}", "prUrl": f"pr of {NAME}"}
        mark = "messages:markChangesCommitted"
        result["marked"] = mutation(mark, {"messageId": ids["messageId"], **commit})
        demo = query("messages:list", {"sessionId": ids["sessionId"]})
        result["changes"] = next(m["changes"] for m in demo if m["_id"] == ids["messageId"])

        lost = {"sessionId": ids["missingSessionId"], "role": "user", "content": "lost"}
        missing_message = {"messageId": ids["missingMessageId"], **commit}
        without_changes = {"messageId": result["sent"][0], **commit}
        result["errors"] = {
            "internal": _failure(lambda: mutation("seed:demo", {})),
            "sendToMissing": _failure(lambda: mutation("messages:send", lost)),
            "markMissing": _failure(lambda: mutation(mark, missing_message)),
            "markWithoutChanges": _failure(lambda: mutation(mark, without_changes)),
            "illTyped": _failure(lambda: query("messages:list", {"sessionId": 5})),
        }
        return result

    def _watch_messages(self, session_id: str) -> dict[str, Any]:
        updates: list[list[str]] = []
        subscription = self.client.subscribe("messages:list", {"sessionId": session_id})

        def wait_for_count(count: int) -> Any:
            while not updates or len(updates[-1]) != count:
                messages = next(subscription)
                updates.append([message["content"] for message in messages])
            return messages

        wait_for_count(0)
        sent = []
        for role, content, count in (("user", "first", 1), ("assistant", "second", 2)):
            args = {"sessionId": session_id, "role": role, "content": content}
            sent.append(self.client.mutation("messages:send", args))
            wait_for_count(count)
        sent.append(_send_from_elsewhere(self.ids["url"], session_id))
        messages = wait_for_count(3)
        return {"sent": sent, "updates": updates, "messages": messages}


def _send_from_elsewhere(url: str, session_id: str) -> str:
    args = {"sessionId": session_id, "role": "user", "content": "from elsewhere"}
    request = urllib.request.Request(
        f"{url}/api/mutation",
        json.dumps({"path": "messages:send", "args": args}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(json.load(response)["value"])


def _failure(call: Callable[[], object]) -> dict[str, Any] | None:
    try:
        call()
    except ConvexError as error:
        return {"kind": "ConvexError", "message": str(error), "data": error.data}
    except Exception as error:
        return {"kind": type(error).__name__, "message": str(error)}
    return None


if __name__ == "__main__":
    faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
    print(json.dumps(Walk(json.loads(sys.argv[1])).run()))
