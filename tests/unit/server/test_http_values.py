"""The formats of values in answers over HTTP, and what each client is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.runtime.outcome import ClientError, MutationOutcome, QueryResult
from realtime.server.value_format import clean_json
from tests.unit.server.http_caller import Api

VALUE = (
    b'{"big":{"$integer":"AQAAAAAAAAA="},"raw":{"$bytes":"AAAA"},"x":1.5,'
    b'"zero":{"$float":"AAAAAAAAAIA="}}'
)


@pytest.mark.parametrize("name", [None, "json", "convex_clean_json", "export_json"])
def test_value_is_clean_json_by_default(api: Api, name: str | None) -> None:
    api.backend.answer = QueryResult(VALUE, None)

    response = api.post("/api/query", {"path": "m:f", "format": name})

    assert response.json()["value"] == {"big": "1", "raw": "AAAA", "x": 1.5, "zero": -0.0}


@pytest.mark.parametrize("name", ["convex_encoded_json", "convex_json"])
def test_value_is_encoded_json_where_asked_for(api: Api, name: str) -> None:
    api.backend.answer = QueryResult(VALUE, None)

    response = api.post("/api/query", {"path": "m:f", "format": name})

    assert response.json()["value"] == json.loads(VALUE)


def test_python_client_gets_numbers_with_a_decimal_point(api: Api) -> None:
    api.backend.answer = QueryResult(
        b'{"a":[5,-3,1.5],"t":"7","z":{"$integer":"AQAAAAAAAAA="}}', None
    )
    body = {"path": "m:f", "format": "convex_encoded_json"}

    python = api.post("/api/query", body, headers={"Convex-Client": "python-0.8.1"})
    npm = api.post("/api/query", body, headers={"Convex-Client": "npm-1.48.0"})

    assert python.json() == npm.json()
    assert '"a":[5.0,-3.0,1.5]' in python.text
    assert '"a":[5,-3,1.5]' in npm.text


def test_value_without_special_values_is_not_touched() -> None:
    encoded = b'{"a":[1,2.5,"x$y"]}'

    assert clean_json(encoded) is encoded


def test_text_that_looks_like_a_special_value_is_kept(api: Api) -> None:
    api.backend.answer = QueryResult(json.dumps({"text": '"$integer"'}).encode(), None)

    assert api.post("/api/query", {"path": "m:f"}).json()["value"] == {"text": '"$integer"'}


def test_log_lines_are_there_only_if_there_are_any(api: Api) -> None:
    api.backend.answer = QueryResult(b"1", None, ("[LOG] 'hi'",))

    assert api.post("/api/query", {"path": "m:f"}).json() == {
        "status": "success",
        "value": 1,
        "logLines": ["[LOG] 'hi'"],
    }


def test_failed_function_is_an_ordinary_answer(api: Api) -> None:
    api.backend.answer = MutationOutcome(None, ClientError("Server Error\nboom"), 5, ("[LOG] 1",))

    response = api.post("/api/mutation", {"path": "m:f"})

    assert response.status_code == 200
    assert response.json() == {
        "status": "error",
        "errorMessage": "Server Error\nboom",
        "logLines": ["[LOG] 1"],
    }


@pytest.mark.parametrize(
    ("data", "shown"), [(b"null", None), (b'{"n":{"$integer":"AQAAAAAAAAA="}}', {"n": "1"})]
)
def test_data_of_an_application_error_is_in_the_asked_format(
    api: Api, data: bytes, shown: Any
) -> None:
    api.backend.answer = QueryResult(None, ClientError("x", data))

    clean = api.post("/api/query", {"path": "m:f"}).json()
    encoded = api.post("/api/query", {"path": "m:f", "format": "convex_encoded_json"}).json()

    assert clean == {"status": "error", "errorMessage": "x", "errorData": shown}
    assert encoded["errorData"] == json.loads(data)


@pytest.mark.parametrize(
    ("client", "is_encoded"),
    [
        ("npm-1.4.0", True),
        ("npm-1.4.1", False),
        ("npm-cli-1.3.0", True),
        ("actions-1.0.0", True),
        ("python-0.4.9", True),
        ("python-0.5.0", False),
        ("rust-0.1.0", False),
        ("npm-x", False),
        (None, False),
    ],
)
def test_old_clients_get_encoded_values_if_they_name_no_format(
    api: Api, client: str | None, is_encoded: bool
) -> None:
    api.backend.answer = QueryResult(b'{"$bytes":"AAAA"}', None)
    headers = {} if client is None else {"convex-client": client}

    value = api.post("/api/query", {"path": "m:f"}, headers=headers).json()["value"]

    assert value == ({"$bytes": "AAAA"} if is_encoded else "AAAA")
