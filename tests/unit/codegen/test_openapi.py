"""The OpenAPI document of the HTTP API."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.codegen.openapi import openapi_document
from tests.harness.typescript import depot_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(depot_app(), title="depot", version="1")


def operation(document: dict[str, Any], address: str) -> dict[str, Any]:
    found = document["paths"][f"/api/run/{address}"]
    assert list(found) == ["post"]
    return found["post"]


def body_of(content: dict[str, Any]) -> dict[str, Any]:
    return content["content"]["application/json"]["schema"]


def test_each_public_function_has_a_path(document: dict[str, Any]) -> None:
    public = [f for f in depot_app().registry.functions.values() if not f.is_internal]

    assert len(document["paths"]) == len(public)
    assert "/api/run/admin/users/default" in document["paths"]
    assert "/api/run/parcels/clear" not in document["paths"]


def test_arguments_are_encoded_and_required(document: dict[str, Any]) -> None:
    schema = body_of(operation(document, "parcels/add")["requestBody"])

    args = schema["properties"]["args"]
    assert schema["required"] == ["args"]
    assert args["required"] == ["label", "seal", "serial"]
    assert list(args["properties"]["serial"]["properties"]) == ["$integer"]
    assert list(args["properties"]["seal"]["properties"]) == ["$bytes"]


def test_optional_arguments_are_not_required(document: dict[str, Any]) -> None:
    schema = body_of(operation(document, "parcels/search")["requestBody"])

    assert "required" not in schema["properties"]["args"]


def test_documents_are_named_and_clean(document: dict[str, Any]) -> None:
    answer = body_of(operation(document, "parcels/get")["responses"]["200"])
    parcel = document["components"]["schemas"]["tables.parcels"]

    success, failure = answer["anyOf"]
    reference = {"$ref": "#/components/schemas/tables.parcels"}
    assert success["properties"]["value"] == {"anyOf": [reference, {"type": "null"}]}
    assert failure == {"$ref": "#/components/schemas/failure"}
    assert parcel["properties"]["serial"] == {"type": "string", "format": "int64"}
    assert "note" not in parcel["required"] and "label" in parcel["required"]


def test_docstring_is_summary_and_description(document: dict[str, Any]) -> None:
    found = operation(document, "parcels/list")

    assert found["summary"] == "The parcels in pages."
    assert found["description"].startswith("The parcels in pages.\n\nNewest first.")


def test_every_reference_has_its_schema(document: dict[str, Any]) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [each for inner in part.values() for each in references(inner)]
        return [each for item in part for each in references(item)] if type(part) is list else []

    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    found = references(document)

    assert found and set(found) <= names
