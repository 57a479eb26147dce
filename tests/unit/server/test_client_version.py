"""What clients say of themselves."""

from __future__ import annotations

import pytest

from realtime.server.client_version import (
    ClientVersion,
    client_of_header,
    client_of_path,
    deprecation_headers,
    precedence,
)

RISING = [
    "0.19.1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.10",
    "1.10.2",
]


def test_versions_compare_as_semantic_versions() -> None:
    found = [precedence(version) for version in reversed(RISING)]

    assert None not in found
    assert sorted(found, key=lambda each: each or (0, 0, 0, ())) == found[::-1]


@pytest.mark.parametrize(
    "version", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.٣", "x"]
)
def test_other_texts_are_no_version(version: str) -> None:
    assert precedence(version) is None


@pytest.mark.parametrize(
    ("header", "name", "version"),
    [
        ("npm-1.48.0", "npm", "1.48.0"),
        ("npm-cli-1.2.3", "npm-cli", "1.2.3"),
        ("python-convex-0.5.0", "python-convex", "0.5.0"),
        ("npm-1.28.0-alpha.1", "npm", "1.28.0-alpha.1"),
        ("rust-0.10.2+build", "rust", "0.10.2"),
    ],
)
def test_header_has_a_name_and_the_longest_version(header: str, name: str, version: str) -> None:
    assert client_of_header(header) == ClientVersion(name, precedence(version))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, "unknown"),
        ("", "unknown"),
        ("curl", "curl"),
        ("npm-", "npm"),
        ("npm-latest", "npm"),
        ("npm-" + "9" * 10_000 + ".0.0", "unknown"),
    ],
)
def test_client_without_a_version_is_one_that_can_do_nothing_special(
    header: str | None, name: str
) -> None:
    client = client_of_header(header)

    assert client == ClientVersion(name, None)
    assert not client.takes_chunks
    assert deprecation_headers(client) == {}


@pytest.mark.parametrize(
    ("version", "takes_chunks"),
    [
        ("1.48.0", True),
        ("1.28.0", True),
        ("2.0.0", True),
        ("1.28.1-alpha.0", True),
        ("1.28.0-alpha.1", False),
        ("1.27.9", False),
        ("nonsense", False),
    ],
)
def test_npm_client_takes_chunks_from_its_version_on(version: str, takes_chunks: bool) -> None:
    assert client_of_path(version).takes_chunks is takes_chunks


def test_client_of_our_own_takes_chunks_and_no_other_does() -> None:
    assert client_of_header("realtime-0.1.0").takes_chunks
    assert not client_of_header("realtime-0.0.9").takes_chunks
    assert not client_of_header("python-9.0.0").takes_chunks
    assert not client_of_header("rust-1.28.0").takes_chunks


@pytest.mark.parametrize(
    ("header", "is_unsupported"),
    [
        ("npm-0.19.1", True),
        ("npm-0.19.2", False),
        ("python-0.0.2", True),
        ("python-0.0.3", False),
        ("rust-0.0.1", False),
    ],
)
def test_client_that_is_too_old_is_told_so(header: str, is_unsupported: bool) -> None:
    headers = deprecation_headers(client_of_header(header))

    assert bool(headers) is is_unsupported
    if is_unsupported:
        assert headers["x-convex-deprecation-state"] == "Deprecated"
        assert "Update it" in headers["x-convex-deprecation-message"]
