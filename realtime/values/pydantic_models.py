"""pydantic models in documents, arguments and results, where an app uses pydantic.

The package is not needed and not imported here: whoever has declared a model has imported it.
Annotations are compiled as those of any class. Beyond them the model decides, as it is made by its
own constructor; what that refuses is a misfit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

from realtime.errors import DefinitionError, ValidationError
from realtime.values.object_codec import FieldCodec, ObjectCodec
from realtime.values.type_hints import Namespace
from realtime.values.value import Value


def is_model(cls: type[Any]) -> bool:
    """Say whether a class is a pydantic model."""
    pydantic: Any = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def model_annotations(cls: Any, namespace: Namespace) -> dict[str, Any]:
    """Return the annotations of a model's fields by Python name, `Annotated` included.

    Raises:
        DefinitionError: an annotation can't be resolved.
    """
    if not cls.__pydantic_complete__:
        try:
            cls.model_rebuild(_types_namespace=dict(namespace))
        except Exception as error:  # pydantic has many ways to say that it does not understand
            raise DefinitionError(
                f"The annotations of `{cls.__name__}` can't be resolved: {error}"
            ) from error
    return {
        name: Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        for name, info in cls.model_fields.items()
    }


class ModelCodec(ObjectCodec):
    """The codec of a pydantic model; an alias of a field is its wire name."""

    def __init__(self, cls: Any, fields: Sequence[FieldCodec]) -> None:
        super().__init__(cls, fields, None)
        self._constructor_names = {
            name: info.validation_alias if isinstance(info.validation_alias, str) else name
            for name, info in cls.model_fields.items()
        }

    def decode(self, value: Value) -> Any:
        names = self._constructor_names
        members = {names[name]: item for name, item in self.decode_members(value).items()}
        try:
            return self.python_class(**members)
        except ValueError as error:
            raise ValidationError(_reason(self.python_class, error)) from error


def _reason(cls: Any, error: Any) -> str:
    """Return what a model's constructor says, in one line."""
    if not hasattr(error, "errors"):
        return f"`{cls.__name__}` does not accept this object: {error}"
    reasons = [
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        if problem["loc"]
        else problem["msg"]
        for problem in error.errors(include_url=False)
    ]
    return f"`{cls.__name__}` does not accept this object: {'; '.join(reasons)}"
