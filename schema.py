"""The tables of the workspace: teams, their repositories, and chats with a coding assistant."""

from __future__ import annotations

from typing import Literal

from realtime import UNSET, Document, Id, Index, Struct, Unset

LlmProvider = Literal["openai", "anthropic", "google"]
MemberRole = Literal["owner", "member"]
PushStrategy = Literal["direct", "pr"]
MessageRole = Literal["user", "assistant"]


class UserProfile(Document, table="userProfiles"):
    """What a user shows to others, and the user's GitHub connection."""

    user_id: str
    display_name: str
    github_access_token: str | Unset = UNSET
    github_username: str | Unset = UNSET

    by_userId = Index("user_id")


class Team(Document, table="teams"):
    """A group of people with one language model for all."""

    name: str
    owner_id: str
    llm_provider: LlmProvider | Unset = UNSET
    llm_api_key: str | Unset = UNSET
    llm_model: str | Unset = UNSET

    by_ownerId = Index("owner_id")


class TeamMember(Document, table="teamMembers"):
    """A user's place in a team; `joined_at` is absent until the invitation is accepted."""

    team_id: Id[Team]
    user_id: str
    role: MemberRole
    invited_at: float
    joined_at: float | Unset = UNSET

    by_teamId = Index("team_id")
    by_userId = Index("user_id")
    by_teamId_userId = Index("team_id", "user_id")


class Invite(Document, table="invites"):
    """An open invitation to a team; times in milliseconds since the epoch."""

    team_id: Id[Team]
    email: str
    invited_by: str
    created_at: float
    expires_at: float

    by_teamId = Index("team_id")
    by_email = Index("email")


class Repo(Document, table="repos"):
    """A GitHub repository that a team has connected."""

    team_id: Id[Team]
    github_owner: str
    github_repo: str
    github_url: str
    default_branch: str
    push_strategy: PushStrategy
    connected_by: str
    connected_at: float

    by_teamId = Index("team_id")


class Session(Document, table="sessions"):
    """One conversation about a repository."""

    repo_id: Id[Repo]
    user_id: str
    created_at: float
    last_active_at: float

    by_repoId = Index("repo_id")
    by_userId = Index("user_id")


class Changes(Struct):
    """The files that an answer changed, and where the changes went."""

    files: list[str]
    committed: bool
    commit_sha: str | Unset = UNSET
    pr_url: str | Unset = UNSET


class Message(Document, table="messages"):
    """One message of a session."""

    session_id: Id[Session]
    role: MessageRole
    content: str
    timestamp: float
    changes: Changes | Unset = UNSET

    by_sessionId = Index("session_id")
