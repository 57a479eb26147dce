"""The app's page, as browsers get it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from realtime.server.static_files import PageFiles


@pytest.fixture
def web(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    (web / "styles").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>Chat</title>")
    (web / "app.js").write_text("export {};")
    (web / "styles" / "main.css").write_text("body {}")
    (web / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (web / "link.txt").symlink_to(tmp_path / "secret.txt")
    return web


def get(web: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        app = Starlette(routes=[Mount("/", PageFiles(web))])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=names)

    return asyncio.run(request())


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/styles/main.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_the_types_that_browsers_insist_on(
    web: Path, path: str, content_type: str
) -> None:
    response = get(web, path)

    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["x-content-type-options"] == "nosniff"


def test_browser_asks_each_time_and_is_told_that_nothing_changed(web: Path) -> None:
    first = get(web, "/app.js")
    second = get(web, "/app.js", If_None_Match=first.headers["etag"])

    assert first.headers["cache-control"] == "no-cache"
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["cache-control"] == "no-cache"


def test_changed_file_is_sent_anew(web: Path) -> None:
    first = get(web, "/app.js")
    (web / "app.js").write_text("export const changed = true;")

    second = get(web, "/app.js", If_None_Match=first.headers["etag"])

    assert (second.status_code, second.text) == (200, "export const changed = true;")


@pytest.mark.parametrize(
    "path", ["/absent.js", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/a%00b"]
)
def test_nothing_outside_of_the_folder_is_served(web: Path, path: str) -> None:
    response = get(web, path)

    assert response.status_code == 404
    assert "secret" not in response.text


def test_files_cannot_be_written(web: Path) -> None:
    assert get(web, "/app.js", "POST").status_code == 405
