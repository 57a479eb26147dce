"""Who a user is, as the app's functions see it (contract 7.3).

An identity is one flat object on the wire: members that every identity has a name for
(`tokenIdentifier`, `email`), and beside them the claims that only the app knows. In Python the
former are attributes, the latter are `claims`. Two tokens of one user that say the same give
equal identities, also after a refresh; results are shared by that equality.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import msgspec

from realtime.casing import wire_name
from realtime.errors import ValidationError
from realtime.values.codec import Codec, encode_any, is_dict, is_list
from realtime.values.validator import AnyValidator
from realtime.values.validators import StringValidator, record_validator
from realtime.values.value import UNSET, Unset, Value

_SEPARATOR: Final = "|"
_MAX_NESTING: Final = 32


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class UserIdentity:
    """A user, as an identity provider has vouched for.

    `token_identifier` is unique among all providers and stays the same for one user: store it to
    find the user again. Of the other attributes those that the token does not tell are `UNSET`.
    Returned from a function, an identity is the flat object of the wire, without absent members.
    """

    token_identifier: str
    """Issuer and subject, joined by `|`."""
    issuer: str
    """The provider."""
    subject: str
    """The user's id at the provider."""
    name: str | Unset = UNSET
    given_name: str | Unset = UNSET
    family_name: str | Unset = UNSET
    nickname: str | Unset = UNSET
    preferred_username: str | Unset = UNSET
    profile_url: str | Unset = UNSET
    picture_url: str | Unset = UNSET
    website_url: str | Unset = UNSET
    email: str | Unset = UNSET
    email_verified: bool | Unset = UNSET
    gender: str | Unset = UNSET
    birthday: str | Unset = UNSET
    timezone: str | Unset = UNSET
    language: str | Unset = UNSET
    phone_number: str | Unset = UNSET
    phone_number_verified: bool | Unset = UNSET
    address: str | Unset = UNSET
    updated_at: str | Unset = UNSET
    """When the provider last changed what it knows of the user, as RFC 3339 text."""
    encoded: bytes = field(kw_only=True)
    """The flat object as JSON with sorted keys: equal for equal identities."""

    @classmethod
    def from_wire(cls, members: Mapping[str, Value]) -> UserIdentity:
        """Return the identity with the members of a flat object.

        A member that is not of the type of its attribute is a claim.

        Raises:
            ValidationError: neither `tokenIdentifier` nor both `issuer` and `subject` are given,
                or is no string; or a member is too nested or no finite number.
        """
        given = {
            name: _plain(value, _MAX_NESTING)
            for name, value in members.items()
            if value is not None
        }
        attributes: dict[str, Any] = {}
        for wire, (python, kind) in ATTRIBUTES.items():
            value = given.get(wire, UNSET)
            attributes[python] = value if isinstance(value, kind) else UNSET
            if python in _IDENTIFIERS and value is not attributes[python]:
                raise ValidationError(
                    f"Expected `{wire}` of an identity to be a string, got {type(value).__name__}"
                )
        _complete(attributes, given)
        encoded = msgspec.json.encode(given, order="deterministic")
        return cls(**attributes, encoded=encoded)

    @property
    def claims(self) -> dict[str, Any]:
        """What the token tells beyond the attributes, by the names of the token; a new copy."""
        members = self.to_wire()
        return {name: value for name, value in members.items() if not self._has_attribute(name)}

    def to_wire(self) -> dict[str, Value]:
        """Return the flat object; a new copy."""
        return _decoder.decode(self.encoded)

    def _has_attribute(self, wire: str) -> bool:
        return wire in ATTRIBUTES and getattr(self, ATTRIBUTES[wire][0]) is not UNSET

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UserIdentity) and self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __repr__(self) -> str:
        return f"UserIdentity({self.token_identifier!r})"

    @staticmethod
    def __codec__() -> Codec:
        return _CODEC


_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def _attributes() -> dict[str, tuple[str, type]]:
    found: dict[str, tuple[str, type]] = {}
    for declared in dataclasses.fields(UserIdentity):
        if declared.name != "encoded":
            kind = bool if declared.name.endswith("_verified") else str
            found[wire_name(declared.name)] = (declared.name, kind)
    return found


ATTRIBUTES: Final = _attributes()
"""The members that have an attribute: wire name to Python name and type."""
_IDENTIFIERS: Final = ("token_identifier", "issuer", "subject")


def _complete(attributes: dict[str, Any], given: dict[str, Value]) -> None:
    """Fill in the identifier from issuer and subject, or these from an identifier alone.

    Only the former is a member that the wire shows.
    """
    issuer, subject = attributes["issuer"], attributes["subject"]
    if attributes["token_identifier"] is not UNSET:
        head, _, tail = attributes["token_identifier"].partition(_SEPARATOR)
        attributes["issuer"] = head if issuer is UNSET else issuer
        attributes["subject"] = tail if subject is UNSET else subject
    elif UNSET in (issuer, subject):
        raise ValidationError('Either "tokenIdentifier" or "issuer" and "subject" must be set')
    else:
        identifier = f"{issuer}{_SEPARATOR}{subject}"
        attributes["token_identifier"] = identifier
        given[wire_name("token_identifier")] = identifier


def _plain(value: object, depth: int) -> Value:
    """Return a JSON tree as a wire value: its numbers are floats."""
    if depth == 0:
        raise ValidationError(f"Expected an identity of at most {_MAX_NESTING} levels, got more")
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ValidationError("Expected finite numbers in an identity") from None
    if is_list(value):
        return [_plain(item, depth - 1) for item in value]
    if is_dict(value):
        return {name: _plain(item, depth - 1) for name, item in value.items()}
    return value


class _UserIdentityCodec(Codec):
    identity = False

    def __init__(self) -> None:
        super().__init__(record_validator(StringValidator(), AnyValidator()))

    def decode(self, value: Value) -> UserIdentity:
        return UserIdentity.from_wire(value)

    def encode_part(self, value: Any) -> Value:
        members = value.to_wire() if isinstance(value, UserIdentity) else value
        return dict(members) if is_dict(members) else encode_any(members)


_CODEC: Final = _UserIdentityCodec()
