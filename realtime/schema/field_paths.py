"""Dotted paths to fields, as indexes and bounds name them: `changes.commit_sha`."""

from __future__ import annotations

from collections.abc import Mapping

from realtime.values.codec import AnyCodec, Codec, ReplacedCodec
from realtime.values.container_codecs import RecordCodec, UnionCodec
from realtime.values.object_codec import FieldCodec, FieldsCodec


class UnknownPathError(Exception):
    """A path to a field that is not declared.

    `known` are the paths that could stand in its place.
    """

    def __init__(self, path: str, known: list[str]) -> None:
        super().__init__(path)
        self.path = path
        self.known = known


def wire_path(codec: Codec, path: str) -> str:
    """Return a dotted path of Python names in wire names.

    Steps below a dictionary or `Any` are data and stay as they are.

    Raises:
        UnknownPathError: a step is not a field.
    """
    wire: list[str] = []
    walked = ""
    current: Codec | None = codec
    for step in path.split("."):
        fields = None if current is None else _fields_of(current)
        if fields is None:
            current = None
            wire.append(step)
            continue
        field = fields.get(step)
        if field is None:
            raise UnknownPathError(path, [walked + name for name in fields])
        current = field.codec
        wire.append(field.wire_name)
        walked += f"{step}."
    return ".".join(wire)


def _fields_of(codec: Codec) -> Mapping[str, FieldCodec] | None:
    """Return the fields of an object by Python name; None if it may have any, by any name."""
    match codec:
        case FieldsCodec():
            return codec.fields
        case ReplacedCodec():
            return _fields_of(codec.base)
        case AnyCodec() | RecordCodec():
            return None
        case UnionCodec():
            fields: dict[str, FieldCodec] = {}
            for member in codec.members:
                inner = _fields_of(member)
                if inner is None:
                    return None
                fields = {**inner, **fields}
            return fields
        case _:
            return {}
