"""The keys of one issuer: each bound to the algorithms that it may verify, known by its id and its thumbprint.

A key never serves an algorithm of another family: so a public key is no shared secret, whatever a token's header says
(RFC 8725 sections 2.1 and 3.1).
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from policy_lang.types import Json

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

SYMMETRIC: Final = frozenset({"HS256", "HS384", "HS512"})
"""The algorithms that a shared secret verifies."""
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: Final[Mapping[str, frozenset[str]]] = {
    "secp256r1": frozenset({"ES256"}),
    "secp384r1": frozenset({"ES384"}),
    "secp521r1": frozenset({"ES512"}),
}
_EDWARDS: Final = frozenset({"EdDSA"})
_THUMBPRINT_MEMBERS: Final = ("crv", "e", "kty", "n", "x", "y")


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key, and the algorithms that it verifies for its issuer."""

    key_id: str
    thumbprint: str
    algorithms: frozenset[str]
    material: PublicKey | bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer, by id; `is_unnamed` says that there is one, of which the issuer's tokens know no id."""

    keys: Mapping[str, VerificationKey]
    thumbprints: frozenset[str]
    is_unnamed: bool = False

    def find(self, key_id: str | None) -> VerificationKey | None:
        """The key that a token's `kid` names; without one, the only key there is. Keys are never tried in turn.

        Of an unnamed key any `kid` means it: it is the only one that the issuer's settings have.
        """
        if key_id is not None and not self.is_unnamed:
            return self.keys.get(key_id)
        return next(iter(self.keys.values())) if len(self.keys) == 1 else None


NO_KEYS: Final = KeySet(MappingProxyType({}), frozenset())


def key_set(keys: Iterable[VerificationKey], *, is_unnamed: bool = False) -> KeySet:
    """A set of keys, whose ids differ."""
    by_id = {key.key_id: key for key in keys}
    return KeySet(MappingProxyType(by_id), frozenset(key.thumbprint for key in by_id.values()), is_unnamed)


def secret_key(secret: bytes, key_id: str, algorithms: frozenset[str], salt: bytes) -> VerificationKey:
    """A shared secret as a key; its thumbprint is salted, for the bare one could be guessed (RFC 7638 section 7)."""
    thumbprint = hashlib.blake2b(secret, key=salt, digest_size=32).hexdigest()
    return VerificationKey(key_id, thumbprint, algorithms & SYMMETRIC, secret)


def algorithms_of(key: PublicKey) -> frozenset[str]:
    """The algorithms that a key of this kind verifies; none for a curve that is not in use here."""
    match key:
        case RSAPublicKey():
            return _RSA
        case EllipticCurvePublicKey():
            return _CURVES.get(key.curve.name, frozenset())
        case Ed25519PublicKey() | Ed448PublicKey():
            return _EDWARDS


def to_jwk(key: PublicKey) -> dict[str, Json]:
    """The public key as a JWK with canonical members."""
    match key:
        case RSAPublicKey():
            return RSAAlgorithm.to_jwk(key, as_dict=True)
        case EllipticCurvePublicKey():
            return ECAlgorithm.to_jwk(key, as_dict=True)
        case Ed25519PublicKey() | Ed448PublicKey():
            return OKPAlgorithm.to_jwk(key, as_dict=True)


def thumbprint_of(key: PublicKey) -> str:
    """The JWK thumbprint of the key, SHA-256 (RFC 7638; RFC 8037 section 2 for EdDSA)."""
    jwk = to_jwk(key)
    required = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    return urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
