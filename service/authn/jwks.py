"""Reads the public keys of a JWKS (RFC 7517) that are for one issuer's signatures.

A key for another purpose is passed over: encryption, an algorithm that the issuer does not list, a kind unknown here.
One that must not be there is a fault, and never used: private, symmetric, weak, broken, or of a taken id.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from policy_lang.types import Json
from service.authn.keys import KeySet, PublicKey, VerificationKey, algorithms_of, key_set, thumbprint_of
from service.authn.strict_json import BadJson, parse_object

RSA_BITS: Final = 2048
"""RFC 7518 sections 3.3 and 3.5."""
MOST_KEYS: Final = 100
"""Keys in one JWKS; reading them takes the loop's time."""
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "Ed25519", "Ed448"})


class BadJwks(Exception):
    """No JWKS at all; the message says why."""


class _PassedOver(Exception):
    """A key that is not for this issuer's signatures; the message says why."""


class _Fault(Exception):
    """A key that must not be there; the message says why, and perhaps what to do."""


@dataclass(frozen=True, slots=True)
class Jwks:
    """The keys for the issuer's signatures; why others are not among them, each with its place."""

    keys: KeySet
    passed_over: tuple[str, ...]
    faults: tuple[str, ...]


def read_jwks(content: bytes, algorithms: frozenset[str], where: str) -> Jwks:
    """The keys that stand `where`, such as "the JWKS file `keys.json`"; BadJwks where that is no list of keys."""
    keys: dict[str, VerificationKey] = {}
    passed_over: list[str] = []
    faults: list[str] = []
    for number, jwk in enumerate(_listed(content, where), 1):
        place = f"key {number} of {where}"
        try:
            key = _read_key(jwk, algorithms)
            if key.key_id in keys:
                raise _Fault("has a `kid` that an earlier key has")
        except _PassedOver as reason:
            passed_over.append(f"{place} {reason}")
        except _Fault as reason:
            faults.append(f"{place} {reason}")
        else:
            keys[key.key_id] = key
    return Jwks(key_set(keys.values()), tuple(passed_over), tuple(faults))


def _listed(content: bytes, where: str) -> list[Json]:
    try:
        listed = parse_object(content).get("keys")
    except BadJson as error:
        raise BadJwks(f"{where}: {error}") from None
    if not isinstance(listed, list) or not listed:
        raise BadJwks(f'{where} lists no keys\nhelp: it reads `{{"keys": [...]}}`')
    if len(listed) > MOST_KEYS:
        raise BadJwks(f"{where} lists {len(listed)} keys, {MOST_KEYS} are allowed")
    return listed


def _read_key(jwk: Json, algorithms: frozenset[str]) -> VerificationKey:
    """The key, usable for what its kind, its `alg` and the issuer allow; its id is its thumbprint if it has none."""
    if not isinstance(jwk, dict):
        raise _Fault("is not an object")
    _check_public(jwk)
    _check_purpose(jwk)
    key = _material(jwk)
    usable = algorithms_of(key) & algorithms
    if "alg" in jwk:
        usable &= {jwk["alg"]} if isinstance(jwk["alg"], str) else frozenset()
    if not usable:
        raise _PassedOver("verifies no algorithm that the issuer lists")
    thumbprint = thumbprint_of(key)
    key_id = jwk.get("kid", thumbprint)
    if not isinstance(key_id, str):
        raise _Fault("has a `kid` that is not a string")
    return VerificationKey(key_id, thumbprint, usable, key)


def _check_public(jwk: dict[str, Json]) -> None:
    if jwk.get("kty") == "oct":
        raise _Fault("is a shared secret\nhelp: put it in a file of its own and name it as secret_file")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise _Fault("is private\nhelp: list its public part here, and replace a key that others saw")


def _check_purpose(jwk: dict[str, Json]) -> None:
    """RFC 7517 sections 4.2 and 4.3; unknown kinds are passed over by its section 5."""
    if jwk.get("use", "sig") != "sig":
        raise _PassedOver("is not for signatures (`use`)")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _PassedOver("is not for verifying (`key_ops`)")
    if jwk.get("kty") not in ("RSA", "EC", "OKP"):
        raise _PassedOver("is of a kind unknown here (`kty`)")
    if jwk["kty"] != "RSA" and jwk.get("crv") not in _CURVES:
        raise _PassedOver("is on a curve unknown here (`crv`)")


def _material(jwk: dict[str, Json]) -> PublicKey:
    readers = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}
    try:
        key = readers[str(jwk["kty"])](jwk)
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise _Fault("is broken: its members make no public key") from None
    if not isinstance(key, PublicKey):
        raise _Fault("is private")
    if weakness := weakness_of(key):
        raise _Fault(weakness)
    return key


def weakness_of(key: PublicKey) -> str | None:
    """Why the key is too weak to trust, as what it `is`."""
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        return f"is weak: RSA with {key.key_size} bits, at least {RSA_BITS} are needed"
    return None
