"""A real identity provider on the loopback interface: discovery, keys, tokens, and faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.harness.tokens import SigningKey, key_document, signing_key

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
TOKEN = "/token"
APPLICATION = "members"
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Answer:
    """What the provider answers instead of a document."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class IdentityProvider:
    """A provider that signs for whom a test names; a context manager.

    `faults` holds what it answers by path instead of the documents. `hold()` makes it keep its
    answers until `release()`.
    """

    def __init__(self, algorithm: str = "RS256") -> None:
        self.algorithm = algorithm
        self.key: SigningKey = signing_key(algorithm)
        self.keys = [self.key]
        self.faults: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.arrived = threading.Semaphore(0)
        """Released by each request for a document."""
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._issued = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Return the address, which is also the issuer."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def custom_issuer(self) -> str:
        """Return the issuer of tokens that are not of OpenID Connect."""
        return f"{self.url}/custom"

    def token(self, subject: str = "ann", *, lifetime_seconds: float = 3600, **claims: Any) -> str:
        """Return a new token, signed with the newest key; no two are the same."""
        now = int(time.time())
        self._issued += 1
        members = {
            "iss": self.url,
            "sub": subject,
            "aud": APPLICATION,
            "iat": now,
            "exp": now + lifetime_seconds,
            "jti": str(self._issued),
            **claims,
        }
        return self.key.sign(members)

    def rotate(self) -> None:
        """Sign with a new key from now on, and list no other."""
        self.key = signing_key(self.algorithm, len(self.requests) + 1_000 + self._issued)
        self.keys = [self.key]

    def hold(self) -> None:
        """Keep all answers back."""
        self._may_answer.clear()

    def release(self) -> None:
        """Answer what was held, and all that comes."""
        self._may_answer.set()

    def answer(self, target: str) -> Answer:
        """Return the answer to a request; called in threads of the server."""
        parts = urlsplit(target)
        if parts.path == TOKEN:
            return Answer(body=self._requested_token(dict(parse_qsl(parts.query))).encode())
        self.requests.append(parts.path)
        self.arrived.release()
        self._may_answer.wait(30)
        fault = self.faults.get(parts.path)
        if fault is not None:
            return fault
        match parts.path:
            case "/.well-known/openid-configuration":
                described = {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"}
                return Answer(body=json.dumps(described).encode())
            case "/keys":
                return Answer(body=key_document(*self.keys))
            case _:
                return Answer(404)

    def _requested_token(self, query: dict[str, str]) -> str:
        lifetime_seconds = float(query.pop("lifetime", "3600"))
        return self.token(query.pop("sub"), lifetime_seconds=lifetime_seconds, **query)


def _handler(provider: IdentityProvider) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = provider.answer(self.path)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except ConnectionError:
                self.close_connection = True  # who asked has given up

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
