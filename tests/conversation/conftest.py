"""The forum, with users whose tokens it takes."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conversation.moves import USERS
from tests.harness.tokens import key_document, signing_key

FORUM = Path(__file__).parents[1] / "apps" / "forum"
_ISSUER = "https://forum.example.com"
_LIFETIME_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Forum:
    """The app's folder, and a token for each of its users."""

    root: Path
    tokens: Mapping[str, str]


@pytest.fixture
def forum(tmp_path: Path) -> Forum:
    """Return a copy of the app that knows the key with which its users' tokens are signed."""
    key = signing_key("ES256")
    now = int(time.time())
    root = shutil.copytree(FORUM, tmp_path / "forum")
    keys = f"data:application/json;base64,{base64.b64encode(key_document(key)).decode()}"
    (root / "auth_config.py").write_text(
        "from realtime import CustomJwt\n\n"
        f"providers = [CustomJwt(issuer={_ISSUER!r}, jwks={keys!r}, algorithm='ES256')]\n"
    )
    times = {"iat": now, "exp": now + _LIFETIME_SECONDS}
    return Forum(root, {user: key.sign({"iss": _ISSUER, "sub": user, **times}) for user in USERS})
