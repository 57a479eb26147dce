"""What every client must have got after its walk through the chat app."""

from __future__ import annotations

from typing import Any

from tests.clients.conftest import Chat

MISSING_FUNCTION = (
    "Could not find public function for 'seed:demo'. Did you forget to run `npx convex dev`?"
)
APPLICATION_ERRORS = {
    "sendToMissing": ("SessionNotFound", "There is no session"),
    "markMissing": ("MessageNotFound", "There is no message"),
    "markWithoutChanges": ("NoChanges", "has no changes"),
}
CONTENTS = ["first", "second", "from elsewhere"]


def check_results(result: dict[str, Any], chat: Chat) -> None:
    """Check the value of every function that succeeded."""
    session = result["session"]
    assert session["_id"] == result["sessionId"]
    assert session["repoId"] == chat.repo_id
    assert session["userId"] == result["name"]
    assert session["createdAt"] == session["lastActiveAt"] > 0
    assert result["missingSession"] is None

    created = [document["_creationTime"] for document in result["sessions"]]
    assert created == sorted(created, reverse=True)
    assert {result["sessionId"], chat.session_id} <= {d["_id"] for d in result["sessions"]}

    assert result["touched"] is None
    newest = result["messages"][-1]["timestamp"]
    assert result["active"]["lastActiveAt"] >= newest >= session["createdAt"]
    assert result["active"]["createdAt"] == session["createdAt"]

    assert result["repo"]["_id"] == chat.repo_id
    assert result["repo"]["teamId"] == chat.team_id
    assert result["repos"] == [result["repo"]]

    assert result["marked"] is None
    assert result["changes"]["committed"] is True
    assert result["changes"]["commitSha"] == f"sha of {result['name']}"
    assert result["changes"]["prUrl"] == f"pr of {result['name']}"
    assert result["changes"]["files"]


def check_live_list(result: dict[str, Any]) -> None:
    """Check that the live list showed each message once, as soon as it was there."""
    assert result["updates"] == [CONTENTS[:count] for count in range(4)]
    messages = result["messages"]
    assert [message["_id"] for message in messages] == result["sent"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert {message["sessionId"] for message in messages} == {result["sessionId"]}
    assert all("changes" not in message for message in messages)


def check_errors(result: dict[str, Any], path_prefix: str = "") -> None:
    """Check that every failed call told its reason; `path_prefix` leads texts over a socket."""
    check_reasons(result)
    errors = result["errors"]
    assert errors["illTyped"]["message"].startswith(path_prefix)
    for name, (code, reason) in APPLICATION_ERRORS.items():
        assert errors[name]["kind"] == "ConvexError"
        assert errors[name]["data"]["code"] == code
        assert reason in errors[name]["data"]["message"]


def check_reasons(result: dict[str, Any]) -> None:
    """Check the texts of all failures, which is all that clients without `ConvexError` get."""
    errors = result["errors"]
    assert MISSING_FUNCTION in errors["internal"]["message"]
    assert "ArgumentValidationError" in errors["illTyped"]["message"]
    assert "Path: .sessionId" in errors["illTyped"]["message"]
    for name, (_, reason) in APPLICATION_ERRORS.items():
        assert errors[name] is not None, f"{name} succeeded"
        assert reason in errors[name]["message"]
