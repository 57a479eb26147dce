"""Fetching documents from a real server, which answers as a test wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from realtime.errors import AuthenticationError, UnavailableError
from realtime.server.auth.document_fetcher import MAX_DOCUMENT_BYTES, MAX_REDIRECTS, HttpFetcher
from tests.harness.identity_provider import KEYS, Answer, IdentityProvider
from tests.harness.tokens import key_document

pytestmark = pytest.mark.asyncio


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider("ES256") as provider:
        yield provider


@pytest_asyncio.fixture
async def fetcher() -> AsyncIterator[HttpFetcher]:
    fetcher = HttpFetcher()
    yield fetcher
    await fetcher.close()


async def test_document_is_fetched(provider: IdentityProvider, fetcher: HttpFetcher) -> None:
    assert await fetcher.fetch(provider.url + KEYS) == key_document(provider.key)


async def test_loop_goes_on_while_the_answer_is_held(
    provider: IdentityProvider, fetcher: HttpFetcher
) -> None:
    provider.hold()
    fetch = asyncio.ensure_future(fetcher.fetch(provider.url + KEYS))
    await asyncio.to_thread(provider.arrived.acquire)

    assert not fetch.done()

    provider.release()
    assert await fetch == key_document(provider.key)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
async def test_fault_that_may_pass_is_no_verdict(
    provider: IdentityProvider, fetcher: HttpFetcher, status: int
) -> None:
    provider.faults[KEYS] = Answer(status)

    with pytest.raises(UnavailableError):
        await fetcher.fetch(provider.url + KEYS)


async def test_refused_connection_is_no_verdict(fetcher: HttpFetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(UnavailableError):
        await fetcher.fetch(f"http://127.0.0.1:{port}/keys")


async def test_answer_that_is_no_http_is_no_verdict(fetcher: HttpFetcher) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        with pytest.raises(UnavailableError):
            await fetcher.fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_provider_that_takes_too_long_is_given_up(
    provider: IdentityProvider,
) -> None:
    hasty = HttpFetcher(timeout_seconds=0.01)
    provider.hold()

    with pytest.raises(UnavailableError):
        await hasty.fetch(provider.url + KEYS)
    await hasty.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_document_that_is_not_there_is_told(
    provider: IdentityProvider, fetcher: HttpFetcher, status: int
) -> None:
    provider.faults[KEYS] = Answer(status)

    with pytest.raises(AuthenticationError, match=f"{KEYS}': its status is {status}"):
        await fetcher.fetch(provider.url + KEYS)


async def test_document_that_is_too_large_is_refused(
    provider: IdentityProvider, fetcher: HttpFetcher
) -> None:
    provider.faults[KEYS] = Answer(body=b" " * (MAX_DOCUMENT_BYTES + 1))

    with pytest.raises(AuthenticationError, match="larger than 524288 bytes"):
        await fetcher.fetch(provider.url + KEYS)


async def test_redirects_are_followed(provider: IdentityProvider, fetcher: HttpFetcher) -> None:
    provider.faults["/old"] = Answer(302, headers=(("location", "/older"),))
    provider.faults["/older"] = Answer(307, headers=(("location", provider.url + KEYS),))

    assert await fetcher.fetch(f"{provider.url}/old") == key_document(provider.key)


async def test_redirects_in_a_circle_end(provider: IdentityProvider, fetcher: HttpFetcher) -> None:
    provider.faults["/round"] = Answer(302, headers=(("location", "/round"),))

    with pytest.raises(AuthenticationError, match=f"more than {MAX_REDIRECTS} times"):
        await fetcher.fetch(f"{provider.url}/round")

    assert len(provider.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("target", ["http://example.com/", "file:///etc/passwd", "ftp://x/"])
async def test_redirect_to_plain_http_elsewhere_is_refused(
    provider: IdentityProvider, fetcher: HttpFetcher, target: str
) -> None:
    provider.faults[KEYS] = Answer(302, headers=(("location", target),))

    with pytest.raises(AuthenticationError, match="which is not https"):
        await fetcher.fetch(provider.url + KEYS)
