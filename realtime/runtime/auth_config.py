"""Who may vouch for users: what stands in an app's `auth_config.py` (contract 7.1).

    providers = [
        Oidc(domain="https://example.eu.auth0.com", application_id="my-app"),
        CustomJwt(issuer="login.example.com", jwks="https://…/keys.json", algorithm="ES256"),
    ]

A provider is checked as it is made, so that a mistake is found at its line. Keys and documents
are fetched over https only, as whoever can change them on their way can be any user; plain http is
for providers on this machine. Nothing is fetched here.
"""

from __future__ import annotations

import ast
import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias, cast, get_args
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from realtime.errors import DefinitionError
from realtime.values.codec import is_list

PROVIDERS: Final = "providers"
DATA_SCHEME: Final = "data:"
_BASE64: Final = ";base64"

Algorithm: TypeAlias = Literal["RS256", "ES256"]
_ALGORITHMS: Final = get_args(Algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """A provider of OpenID Connect; its keys are found below `domain`."""

    domain: str
    """Its address, which is also the issuer of its tokens."""
    application_id: str
    """The audience of tokens that are meant for this app."""

    def __post_init__(self) -> None:
        _check_text("Oidc", "domain", self.domain)
        _check_text("Oidc", "application_id", self.application_id)
        _check_url("Oidc", "domain", normalized_issuer(self.domain))

    @property
    def issuer(self) -> str:
        """What tokens of this provider name as their issuer."""
        return self.domain

    def __str__(self) -> str:
        return f"OIDC(domain={self.domain}, app_id={self.application_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomJwt:
    """A provider of other signed tokens, whose public keys are in a JWKS document."""

    issuer: str
    """What its tokens name as their issuer."""
    jwks: str
    """The address of the document, or a `data:` URL with the document itself."""
    algorithm: Algorithm
    """`"RS256"` or `"ES256"`."""
    application_id: str | None = None
    """The audience of tokens that are meant for this app; None: it is not looked at."""

    def __post_init__(self) -> None:
        _check_text("CustomJwt", "issuer", self.issuer)
        _check_text("CustomJwt", "jwks", self.jwks)
        if self.application_id is not None:
            _check_text("CustomJwt", "application_id", self.application_id)
        if self.algorithm not in _ALGORITHMS:
            raise DefinitionError(
                f"Expected `algorithm` of `CustomJwt` to be one of {', '.join(_ALGORITHMS)}, "
                f"got {self.algorithm!r}"
            )
        if self.jwks.startswith(DATA_SCHEME):
            _check_key_document(self.jwks)
        else:
            _check_url("CustomJwt", "jwks", self.jwks)

    def __str__(self) -> str:
        application_id = "none" if self.application_id is None else self.application_id
        return f"CustomJWT(issuer={self.issuer}, app_id={application_id})"


AuthProvider: TypeAlias = Oidc | CustomJwt


def providers_from_module(module: ModuleType) -> tuple[AuthProvider, ...]:
    """Return the providers that an `auth_config.py` declares, in order.

    Raises:
        DefinitionError: there is no list of them, or two would take the same tokens.
    """
    declared = getattr(module, PROVIDERS, None)
    if not is_list(declared):
        got = "none" if declared is None else type(declared).__name__
        raise DefinitionError(
            f"Expected a list `{PROVIDERS}` of `Oidc(…)` and `CustomJwt(…)`, got {got}",
            place=_place(module),
        )
    providers: list[AuthProvider] = []
    seen: set[tuple[str, str | None]] = set()
    for index, provider in enumerate(declared):
        if not isinstance(provider, Oidc | CustomJwt):
            raise DefinitionError(
                f"Expected `Oidc(…)` or `CustomJwt(…)` as `{PROVIDERS}[{index}]`, "
                f"got {type(provider).__name__}",
                place=_place(module, index),
            )
        key = (normalized_issuer(provider.issuer), provider.application_id)
        if key in seen:
            raise DefinitionError(
                f"`{PROVIDERS}[{index}]` has the same issuer and `application_id` as one before "
                f"it and would never be used: {provider}",
                place=_place(module, index),
            )
        seen.add(key)
        providers.append(provider)
    return tuple(providers)


def _place(module: ModuleType, index: int = -1) -> str:
    """Return file and line at which a module declares its providers, or one of them."""
    file = str(module.__file__)
    line = 1
    for statement in ast.parse(Path(file).read_bytes()).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                pass
            case _:
                continue
        if name == PROVIDERS:
            line = statement.lineno
            if isinstance(value, ast.List | ast.Tuple) and 0 <= index < len(value.elts):
                line = value.elts[index].lineno
    return f"{file}:{line}"


def normalized_issuer(issuer: str) -> str:
    """Return an issuer in the form in which two are compared (contract 7.2)."""
    with_scheme = issuer if "://" in issuer else f"https://{issuer}"
    return with_scheme.removesuffix("/")


def is_allowed_url(url: str) -> bool:
    """Say whether keys may be fetched from an address: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or not url.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def may_lead_to(url: str, target: str) -> bool:
    """Say whether keys may be fetched from where an address leads: to http from http alone."""
    is_plain = target.startswith("http:") and not url.startswith("http:")
    return is_allowed_url(target) and not is_plain


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_data_url(url: str) -> bytes:
    """Return what a `data:` URL holds; ValueError if it is malformed."""
    head, comma, body = url[len(DATA_SCHEME) :].partition(",")
    if not comma:
        raise ValueError("there is no comma in it")
    content = unquote_to_bytes(body)
    if not head.endswith(_BASE64):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its base64 is malformed: {error}") from None


def key_descriptions(document: bytes) -> list[Mapping[str, Any]] | None:
    """Return the keys of a JWKS document, None if it is not one."""
    try:
        content: object = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    keys: object = cast("dict[str, Any]", content).get("keys") if type(content) is dict else None
    if not is_list(keys) or not all(type(key) is dict for key in keys):
        return None
    return cast("list[Mapping[str, Any]]", list(keys))


def _check_text(kind: str, name: str, value: object) -> None:
    if not isinstance(value, str):
        got = type(value).__name__
        raise DefinitionError(f"Expected `{name}` of `{kind}` to be a string, got {got}")
    if not value or value != value.strip():
        raise DefinitionError(
            f"Expected `{name}` of `{kind}` to be a text without spaces around it, got {value!r}"
        )


def _check_url(kind: str, name: str, url: str) -> None:
    if not is_allowed_url(url):
        raise DefinitionError(
            f"Expected `{name}` of `{kind}` to be an https address (http only for this machine, "
            f"such as http://127.0.0.1:8080), got {url!r}"
        )


def _check_key_document(url: str) -> None:
    try:
        document = read_data_url(url)
    except ValueError as error:
        raise DefinitionError(f"`jwks` of `CustomJwt` is no `data:` URL: {error}") from None
    if not key_descriptions(document):
        raise DefinitionError(
            "Expected the `data:` URL in `jwks` of `CustomJwt` to hold a JSON object "
            '{"keys": […]} with at least one key, got something else'
        )
