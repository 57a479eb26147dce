"""Documents between stored JSON, wire values and objects of their class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from realtime.casing import wire_name
from realtime.errors import DefinitionError, ValidationError
from realtime.schema.field_paths import UnknownPathError, wire_path
from realtime.values.annotations import codec_of_class, compile_fields
from realtime.values.class_fields import default_factories, teach_msgspec
from realtime.values.codec import MisfitError
from realtime.values.json_encoding import decode_json
from realtime.values.nearest import suggestion
from realtime.values.object_codec import ObjectCodec
from realtime.values.struct import StructMeta
from realtime.values.validators import IdValidator, NumberValidator, ObjectField, ObjectValidator
from realtime.values.value import UNSET, Int64, Unset, Value

ID_FIELD = "_id"
CREATION_TIME_FIELD = "_" + wire_name("creation_time")

_SCALARS = frozenset({type(None), bool, int, float, Int64, str, bytes, Unset})
_CONTAINERS = frozenset({list, dict})
_SPECIAL_VALUE = b'"$'


class DocumentCodec(ObjectCodec):
    """The codec of one document class.

    `validator` is that of a whole document, as functions return it; `fields_validator` that of the
    fields without `_id` and `_creationTime`, as the schema has it. Made once a class, by `of`.
    """

    fields_validator: ObjectValidator

    def __init__(self, document_class: type[Any]) -> None:
        if document_class.__table_name__ is None:
            raise DefinitionError(
                f"Expected a document class with a table, got `{document_class.__name__}` itself"
            )
        fields = compile_fields(document_class)
        assert fields is not None, "document classes are structs"
        native = teach_msgspec(document_class, fields)
        super().__init__(document_class, fields, document_class if native else None)
        self.document_class = document_class
        self.table_name: str = document_class.__table_name__
        system = {
            ID_FIELD: ObjectField(IdValidator(self.table_name)),
            CREATION_TIME_FIELD: ObjectField(NumberValidator()),
        }
        own = {
            field.wire_name: ObjectField(field.codec.validator, field.optional)
            for field in fields
            if field.wire_name not in system
        }
        self.fields_validator = ObjectValidator(own)
        self.validator = ObjectValidator({**own, **system})
        self._decode_native = msgspec.json.Decoder(document_class).decode if native else None
        element: Any = document_class
        self._decode_natives = msgspec.json.Decoder(list[element]).decode if native else None
        self._containers = tuple(
            field.python_name
            for field in fields
            if not field.codec.validator.wire_types.isdisjoint(_CONTAINERS)
        )
        self._defaults = default_factories(document_class)

    @classmethod
    def of(cls, document_class: type[Any]) -> DocumentCodec:
        """Return the codec of a document class, the same one at every call.

        Raises:
            DefinitionError: a field of the class has no wire form.
        """
        codec = codec_of_class(document_class)
        assert isinstance(codec, cls), "only document classes are passed here"
        return codec

    def decode_json(self, raw: bytes) -> Any:
        """Return the object of a stored document, given as canonical JSON.

        Raises:
            ValidationError: the document does not fit the class.
        """
        if self._decode_native is not None and _SPECIAL_VALUE not in raw:
            try:
                return self._decode_native(raw)
            except msgspec.ValidationError:
                # The other way says in the contract's words what does not fit.
                pass
        return self._decode_stored(decode_json(raw))

    def decode_all(self, raws: Sequence[bytes]) -> list[Any]:
        """Return the objects of stored documents; of many at once at the cost of one call."""
        if self._decode_natives is not None and len(raws) > 1:
            text = b"[%b]" % b",".join(raws)
            if _SPECIAL_VALUE not in text:
                try:
                    return self._decode_natives(text)
                except msgspec.ValidationError:
                    pass  # the other way says which does not fit
        return [self.decode_json(raw) for raw in raws]

    def _decode_stored(self, value: Value) -> Any:
        text = self.validator.mismatch(value, None, "")
        if text is not None:
            raise ValidationError(
                f"A document of table `{self.table_name}` does not fit its class "
                f"`{self.document_class.__name__}`: {text}"
            )
        return self.decode(value)

    def encode_fields(self, fields: Mapping[str, Any]) -> dict[str, Value | Unset]:
        """Return `fields` (Python names) in wire names and values, as `patch` and `replace` need.

        `UNSET` stays, so that a patch can remove a field. The fields are not checked further, and
        defaults are not filled in.

        Raises:
            ValidationError: a name is not a field of the class (the message has the nearest one),
                or a part is no value.
        """
        encoded: dict[str, Value | Unset] = {}
        wire = ""
        try:
            for name, item in fields.items():
                field = self.fields.get(name)
                if field is None:
                    raise self._unknown_field(name, list(self.fields))
                wire = field.wire_name
                encoded[wire] = UNSET if item is UNSET else field.codec.encode_part(item)
        except MisfitError as misfit:
            misfit.steps.append(f".{wire}")
            raise misfit.to_error() from None
        except RecursionError:
            raise ValidationError("Value is too nested, or it contains itself") from None
        return encoded

    def encode_new_fields(self, fields: Mapping[str, Any]) -> dict[str, Value]:
        """Return the fields of a new document: `fields` and the defaults of the class.

        A field set to `UNSET` is left out. Otherwise as `encode_fields`.
        """
        encoded = self.encode_fields(
            {**{name: f() for name, f in self._defaults.items()}, **fields}
        )
        return {name: item for name, item in encoded.items() if item is not UNSET}

    def wire_name(self, python_name: str) -> str:
        """Return the wire name of a field; of a dotted path, each step of it.

        Raises:
            ValidationError: there is no such field; the message has the nearest one.
        """
        field = self.fields.get(python_name)
        if field is not None:
            return field.wire_name
        try:
            return wire_path(self, python_name)
        except UnknownPathError as error:
            raise self._unknown_field(error.path, error.known) from None

    def _unknown_field(self, name: str, known: list[str]) -> ValidationError:
        return ValidationError(
            f"`{self.document_class.__name__}` has no field `{name}`; {suggestion(name, known)}"
        )

    def is_frozen(self, document: Any) -> bool:
        """Say whether nothing in a document can have changed since it was decoded.

        Then the stored bytes may stand for it. A list or dictionary in it is enough to say no.
        """
        for name in self._containers:
            value = getattr(document, name)
            if value.__class__ not in _SCALARS and not _is_frozen_value(value):
                return False
        return True


def _is_frozen_value(value: Any) -> bool:
    kind: type[Any] = value.__class__
    if kind in _SCALARS:
        return True
    if kind is tuple:
        return all(_is_frozen_value(item) for item in value)
    if isinstance(kind, StructMeta):
        return all(_is_frozen_value(getattr(value, name)) for name in kind.__struct_fields__)
    return False
