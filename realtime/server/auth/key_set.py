"""The public keys of a provider, and checking signatures with them.

Which algorithms a provider may sign with is fixed by the app, never by a token or a key: a token
that asks for another one is refused before any key is looked at. Symmetric keys are never used, so
a public key can't be taken for a shared secret.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from realtime.runtime.auth_config import key_descriptions

MAX_KEYS: Final = 100
_RSA_BITS: Final = range(2048, 8192 + 1)
_MAX_HEADER_BYTES: Final = 8192
_TYPES: Final[Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {
    "RS256": RSAKey,
    "ES256": ECKey,
    "EdDSA": OKPKey,
}
_CURVES: Final = {"ES256": "P-256", "EdDSA": "Ed25519"}
_NEWER_NAMES: Final = {"EdDSA": "Ed25519"}
"""How RFC 9864 calls an algorithm; keys may say it."""


class KeySet:
    """Public keys for some algorithms, as a JWKS document lists them."""

    def __init__(self, keys: Sequence[Mapping[str, Any]], algorithms: Collection[str]) -> None:
        """Take the keys that fit one of the algorithms; others are no use here."""
        self._keys: list[tuple[str | None, str, Key]] = []
        for description in keys[:MAX_KEYS]:
            kid = description.get("kid")
            for algorithm in algorithms:
                key = _import(description, algorithm)
                if key is not None:
                    self._keys.append((kid if isinstance(kid, str) else None, algorithm, key))

    @classmethod
    def decode(cls, document: bytes, algorithms: Collection[str]) -> KeySet | None:
        """Return the keys in a JWKS document, None if it is no such document."""
        keys = key_descriptions(document)
        return None if keys is None else cls(keys, algorithms)

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key with an id; without one, the only key that there is."""
        fitting = [(own, key) for own, fits, key in self._keys if fits == algorithm]
        if kid is None:
            return fitting[0][1] if len(fitting) == 1 else None
        return next((key for own, key in fitting if own == kid), None)

    def has(self, kid: str | None) -> bool:
        """Say whether there is a key with this id; None asks for any key."""
        return any(kid is None or own == kid for own, _, _ in self._keys)


def has_signature_of(key: Key, algorithm: str, token: str) -> bool:
    """Say whether a token is signed by the holder of a key."""
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRIES[algorithm])
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _import(description: Mapping[str, Any], algorithm: str) -> Key | None:
    kind = _TYPES[algorithm]
    if (
        description.get("kty") != kind.key_type
        or description.get("use", "sig") != "sig"
        or description.get("alg", algorithm) not in (algorithm, _NEWER_NAMES.get(algorithm))
        or description.get("crv") != _CURVES.get(algorithm)
    ):
        return None
    try:
        with warnings.catch_warnings(category=SecurityWarning, action="ignore"):
            key = kind.import_key(dict(description))  # it warns of keys that are refused below
        if isinstance(key, RSAKey) and key.public_key.key_size not in _RSA_BITS:
            return None
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return key


class _OneAlgorithm(jws.JWSRegistry):
    """Knows one algorithm; the library would warn of `EdDSA`, its older name of Ed25519."""

    max_header_length = _MAX_HEADER_BYTES

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._name = algorithm

    def get_alg(self, name: str) -> Any:
        if name != self._name:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


_REGISTRIES: Final = {algorithm: _OneAlgorithm(algorithm) for algorithm in _TYPES}
