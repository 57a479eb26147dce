"""A depot of parcels: each kind of field that generated types have to spell."""

from __future__ import annotations

from typing import Any, Literal

from realtime import UNSET, Document, Id, Index, Int64, StoredFile, Struct, Table, Unset, field, v


class Size(Struct):
    """Centimetres."""

    width: float
    height: float


class Parcel(Document, table="parcels"):
    """A parcel. Its label may hold */ and `backticks`."""

    label: str
    """What is written on it: */ or not."""
    state: Literal["waiting", "sent"]
    size: Size | None
    serial: Int64
    seal: bytes
    note: str | Unset = UNSET
    photo: Id[StoredFile] | Unset = UNSET
    """How it looks.

    Taken at the door.
    """
    tags: dict[str, list[str]]
    extra: Any
    odd_name: str = field(name="class")

    by_state_width = Index("state", "size.width")


class Letter(Struct):
    """Sent in an envelope."""

    kind: Literal["letter"]
    pages: int


class Crate(Struct):
    """Sent on a pallet."""

    kind: Literal["crate"]
    weight: float


items = Table("items", Letter | Crate, indexes={"by_kind": ["kind"]})
anything = Table("anything", v.any())
