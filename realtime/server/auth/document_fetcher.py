"""Fetching the documents of identity providers over HTTP, within bounds.

Addresses come from the app's configuration and from documents fetched from there, never from a
token. Each fetch has a limit of time, size and redirects; every address on the way must be https,
or http on this machine if the first one was.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

import httpx

from realtime.errors import AuthenticationError
from realtime.runtime.auth_config import may_lead_to
from realtime.server.auth.rejections import unreachable_provider

_log = logging.getLogger("realtime.auth")

FETCH_SECONDS: Final = 10.0
MAX_DOCUMENT_BYTES: Final = 512 * 1024
MAX_REDIRECTS: Final = 3
_TRANSIENT: Final = frozenset({408, 425, 429})
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}


class DocumentFetcher(Protocol):
    """A source of documents by their address."""

    async def fetch(self, url: str) -> bytes:
        """Return the document at an address.

        Raises:
            UnavailableError: It can't be had now.
            AuthenticationError: There is none.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class HttpFetcher:
    """Fetches documents over HTTP; close it on the loop on which it was used."""

    def __init__(self, timeout_seconds: float = FETCH_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        # Proxies and certificates come from the environment; this machine is reached directly.
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            headers=_HEADERS,
            mounts={"http://": httpx.AsyncHTTPTransport()},
        )

    async def fetch(self, url: str) -> bytes:
        """Return the document at an address; errors as `DocumentFetcher.fetch`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._follow(url)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, _TransientStatusError) as error:
            reason = str(error) or type(error).__name__
            _log.warning("Fetching %s failed, it will be tried again: %s", url, reason)
            raise unreachable_provider() from error

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def _follow(self, url: str) -> bytes:
        address = url
        for _ in range(MAX_REDIRECTS + 1):
            async with self._client.stream("GET", address) as response:
                if not response.has_redirect_location:
                    return await _read(response, url)
                target = str(response.url.join(response.headers["location"]))
            if not may_lead_to(url, target):
                raise _refused(url, f"it leads to the address {target}, which is not https")
            address = target
        raise _refused(url, f"it leads to other addresses more than {MAX_REDIRECTS} times")


class _TransientStatusError(Exception):
    """An answer that may be another one soon."""


async def _read(response: httpx.Response, url: str) -> bytes:
    status = response.status_code
    if status >= 500 or status in _TRANSIENT:
        raise _TransientStatusError(f"its status is {status}")
    if not response.is_success:
        raise _refused(url, f"its status is {status}")
    parts: list[bytes] = []
    size_bytes = 0
    async for part in response.aiter_raw():
        parts.append(part)
        size_bytes += len(part)
        if size_bytes > MAX_DOCUMENT_BYTES:
            raise _refused(url, f"it is larger than {MAX_DOCUMENT_BYTES} bytes")
    return b"".join(parts)


def _refused(url: str, reason: str) -> AuthenticationError:
    _log.warning("The document at %s can't be used: %s", url, reason)
    return AuthenticationError(f"Could not fetch the provider's document from '{url}': {reason}")
