"""What functions say and get when they read a table in pages: the options and the result.

Source: contract 5.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar, cast

from realtime.casing import wire_name
from realtime.database.limits import TransactionLimits
from realtime.errors import ValidationError
from realtime.values.annotations import ANY_CODEC, codec_of_class, compile_member
from realtime.values.codec import Codec
from realtime.values.display import display_value
from realtime.values.object_codec import ObjectCodec
from realtime.values.struct import Struct
from realtime.values.validators import TableNames
from realtime.values.value import UNSET, Unset

T = TypeVar("T")
R = TypeVar("R")

PageStatus = Literal["SplitRecommended", "SplitRequired"]

_ITEMS: Final = wire_name("num_items")
_ROWS: Final = wire_name("maximum_rows_read")
_BYTES: Final = wire_name("maximum_bytes_read")


class PaginationOptions(Struct):
    """Which page to read, as paginating clients send it: the argument `pagination_opts`."""

    num_items: float
    """How many documents to read, 1 to 32 000; without meaning where the end is given."""
    cursor: str | None
    """Where to begin: None, or the `continue_cursor` of the page before."""
    end_cursor: str | Unset | None = UNSET
    """Where to end: everything up to it is read; None or UNSET where that is not given."""
    id: float | Unset = UNSET
    """Tells hooks of one page apart; has no other meaning."""
    maximum_rows_read: float | Unset = UNSET
    """How many documents may be scanned, those that filters drop included."""
    maximum_bytes_read: float | Unset = UNSET
    """How many bytes of documents may be scanned."""


@dataclass(frozen=True, slots=True)
class PaginationResult(Generic[T]):
    """One page, and where the next one begins."""

    page: list[T]
    """The documents, as `collect` gives them."""
    is_done: bool
    """Whether the end was reached: there is no next page."""
    continue_cursor: str
    """Where the page ends and the next one begins."""
    split_cursor: str | None = None
    """A place in the middle of the rows that were scanned, for clients that split the page."""
    page_status: PageStatus | None = None
    """Whether a client should split the page, or must: it then lacks its last documents."""

    def with_page(self, page: Iterable[R]) -> PaginationResult[R]:
        """Return the same page with other rows, such as some made from its documents."""
        return cast("PaginationResult[R]", replace(self, page=cast("list[T]", list(page))))

    @classmethod
    def __codec__(cls, row: Any = Any) -> Codec:
        """Return the codec of pages with rows of the type `row`."""
        members: dict[str, Any] = {
            "page": list[row],
            "is_done": bool,
            "continue_cursor": str,
            "split_cursor": str | None,
            "page_status": PageStatus | None,
        }
        optional = ("split_cursor", "page_status")
        fields = [
            compile_member(name, annotation, has_default=name in optional)
            for name, annotation in members.items()
        ]
        return ObjectCodec(cls, fields, None)


class PageRequest(NamedTuple):
    """Checked options; cursors are still encoded."""

    items: int
    cursor: str | None
    end_cursor: str | None
    maximum_rows: int
    maximum_bytes: int


def page_request(
    options: PaginationOptions | Mapping[str, Any], limits: TransactionLimits, tables: TableNames
) -> PageRequest:
    """Return the options of a page, checked; a mapping is in wire names.

    Raises:
        ValidationError: They are no options, or ask for no page that can be read.
    """
    codec = codec_of_class(PaginationOptions)
    assert codec is not None
    value = ANY_CODEC.encode(options)
    codec.validator.check(value, tables)
    checked = cast("PaginationOptions", codec.decode(value))
    rows = _maximum(checked.maximum_rows_read, _ROWS, limits.documents_read)
    size = _maximum(checked.maximum_bytes_read, _BYTES, limits.bytes_read)
    end_cursor = None if isinstance(checked.end_cursor, Unset) else checked.end_cursor
    items = _items(checked.num_items, limits.documents_read)
    return PageRequest(items, checked.cursor, end_cursor, rows, size)


def _items(count: float, limit: int) -> int:
    if not count >= 0:  # not a number is neither
        raise ValidationError(
            f"`options.{_ITEMS}` must be a positive number. Received `{_shown(count)}`"
        )
    if count == 0:
        raise ValidationError("Must request at least 1 document while paginating")
    if count > limit:
        raise ValidationError(
            f"Requested too many items: {_shown(count)}. A page has at most {limit}"
        )
    return _whole(count, _ITEMS)


def _maximum(maximum: float | Unset, name: str, limit: int) -> int:
    if isinstance(maximum, Unset):
        return limit
    if not maximum > 0:
        raise ValidationError(f"{_ROWS} and {_BYTES} must be greater than 0")
    return limit if maximum >= limit else _whole(maximum, name)


def _whole(number: float, name: str) -> int:
    if not number.is_integer():
        raise ValidationError(
            f"`options.{name}` must be a whole number. Received `{_shown(number)}`"
        )
    return int(number)


def _shown(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() else display_value(number)
