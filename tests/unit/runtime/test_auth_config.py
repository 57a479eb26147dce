"""What may stand in an `auth_config.py`, and what is said about what may not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from realtime.errors import DefinitionError
from realtime.runtime.auth_config import (
    CustomJwt,
    Oidc,
    is_allowed_url,
    may_lead_to,
    normalized_issuer,
    read_data_url,
)
from realtime.runtime.registry import LoadedApp, load_app

HEAD = "from realtime import CustomJwt, Oidc\n"
KEYS = 'data:application/json,{"keys":[{"kty":"EC"}]}'


def load(root: Path, text: str | None) -> LoadedApp:
    (root / "functions").mkdir(exist_ok=True)
    if text is not None:
        (root / "auth_config.py").write_text(HEAD + text)
    return load_app(root)


def test_app_without_the_file_has_no_providers(tmp_path: Path) -> None:
    assert load(tmp_path, None).auth_providers == ()


def test_providers_are_loaded_in_order(tmp_path: Path) -> None:
    app = load(
        tmp_path,
        'providers = [Oidc(domain="a.example", application_id="app"),\n'
        ' CustomJwt(issuer="https://b.example/", jwks="https://b.example/keys",\n'
        '           algorithm="ES256")]\n',
    )

    assert app.auth_providers == (
        Oidc(domain="a.example", application_id="app"),
        CustomJwt(issuer="https://b.example/", jwks="https://b.example/keys", algorithm="ES256"),
    )
    assert list(map(str, app.auth_providers)) == [
        "OIDC(domain=a.example, app_id=app)",
        "CustomJWT(issuer=https://b.example/, app_id=none)",
    ]


def test_each_load_reads_the_file_anew(tmp_path: Path) -> None:
    load(tmp_path, 'providers = [Oidc(domain="a.example", application_id="app")]')
    app = load(tmp_path, 'providers = [Oidc(domain="bb.example", application_id="app")]')

    assert [provider.issuer for provider in app.auth_providers] == ["bb.example"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "Expected a list `providers` of `Oidc(…)` and `CustomJwt(…)`, got none"),
        ("\nproviders = {}", 3, "got dict"),
        (
            'providers = [\n  Oidc(domain="a.example", application_id="x"),\n  "b.example",\n]',
            4,
            "Expected `Oidc(…)` or `CustomJwt(…)` as `providers[1]`, got str",
        ),
        (
            'one = Oidc(domain="https://a.example/", application_id="x")\n'
            'providers: list[Oidc] = [\n  one,\n  Oidc(domain="a.example", application_id="x")]',
            5,
            "`providers[1]` has the same issuer and `application_id` as one before it",
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="https://i/k", algorithm="HS256")]',
            2,
            "Expected `algorithm` of `CustomJwt` to be one of RS256, ES256, got 'HS256'",
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="https://i/k", algorithm="none")]',
            2,
            "got 'none'",
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="https://i/k", algorithm=[])]',
            2,
            "Expected `algorithm`",
        ),
        (
            'providers = [Oidc(domain="http://a.example", application_id="x")]',
            2,
            "Expected `domain` of `Oidc` to be an https address (http only for this machine, such "
            "as http://127.0.0.1:8080), got 'http://a.example'",
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="http://i/k", algorithm="RS256")]',
            2,
            "Expected `jwks` of `CustomJwt` to be an https address",
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="data:,{}", algorithm="RS256")]',
            2,
            'to hold a JSON object {"keys": […]} with at least one key',
        ),
        (
            'providers = [CustomJwt(issuer="i", jwks="data:application/json", algorithm="RS256")]',
            2,
            "`jwks` of `CustomJwt` is no `data:` URL: there is no comma in it",
        ),
        (
            'providers = [Oidc(domain="", application_id="x")]',
            2,
            "Expected `domain` of `Oidc` to be a text without spaces around it, got ''",
        ),
        (
            'providers = [Oidc(domain="a.example", application_id=None)]',
            2,
            "Expected `application_id` of `Oidc` to be a string, got NoneType",
        ),
        (
            'providers = [Oidc(domain="a.example")]',
            2,
            "missing 1 required keyword-only argument: 'application_id'",
        ),
        ("providers = [", 2, "SyntaxError"),
    ],
)
def test_mistake_is_told_with_file_line_and_reason(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path.resolve() / 'auth_config.py'}:{line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("issuer", "normalized"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("a.example", "https://a.example"),
        ("a.example/", "https://a.example"),
        ("http://a.example", "http://a.example"),
        ("https://a.example//", "https://a.example/"),
    ],
)
def test_issuers_are_compared_without_their_last_slash_and_with_a_scheme(
    issuer: str, normalized: str
) -> None:
    assert normalized_issuer(issuer) == normalized


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://a.example/keys?x=1", True),
        ("http://127.0.0.1:3000/keys", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:3000/keys", True),
        ("http://localhost/keys", True),
        ("http://a.example/keys", False),
        ("http://localhost.a.example", False),
        ("http://127.0.0.1.a.example", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("https://user:password@a.example", False),
        ("ftp://127.0.0.1", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://a.example:port", False),
        ("https://[::1", False),
        ("https://a.example/\nx", False),
        ("a.example", False),
    ],
)
def test_plain_http_is_for_this_machine_alone(url: str, is_allowed: bool) -> None:
    assert is_allowed_url(url) is is_allowed


@pytest.mark.parametrize(
    ("url", "target", "may_lead"),
    [
        ("https://a.example", "https://b.example", True),
        ("http://127.0.0.1", "http://localhost:3000", True),
        ("http://127.0.0.1", "https://a.example", True),
        ("https://a.example", "http://127.0.0.1", False),
        ("http://127.0.0.1", "http://a.example", False),
    ],
)
def test_provider_elsewhere_leads_nobody_to_this_machine(
    url: str, target: str, may_lead: bool
) -> None:
    assert may_lead_to(url, target) is may_lead


@pytest.mark.parametrize(
    "url",
    [
        KEYS,
        "data:text/plain;charset=utf-8,%7B%22keys%22%3A%5B%7B%22kty%22%3A%22EC%22%7D%5D%7D",
        "data:application/json;base64,"
        + base64.b64encode(KEYS.partition(",")[2].encode()).decode(),
    ],
)
def test_data_url_holds_its_document_in_either_encoding(url: str) -> None:
    assert read_data_url(url) == b'{"keys":[{"kty":"EC"}]}'
    CustomJwt(issuer="i", jwks=url, algorithm="ES256")
