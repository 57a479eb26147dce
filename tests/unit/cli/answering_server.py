"""A server that gives prepared answers to the calls of commands."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class AnsweringServer(HTTPServer):
    """Keeps the last request and gives a prepared answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer: Any = {"status": "success", "value": None}
        self.answers: dict[str, Any] = {}
        """Those to calls of certain functions; `answer` is that to any other."""
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer

    def do_POST(self) -> None:
        self.server.path = self.path
        self.server.headers = dict(self.headers)
        self.server.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.answers.get(self.server.body["path"], self.server.answer)
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        pass
