"""Loads an issuer's keys from its file: public keys from a JWKS, or one shared secret.

Of a JWKS (RFC 7517), a key for another purpose is passed over: encryption, an algorithm that the issuer does not list,
a kind unknown here. A key that must not be there refuses the start: private, symmetric, weak, broken, or of a taken id.
"""

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from policy_lang.types import Json
from service.authn.keys import (
    KeySet,
    PublicKey,
    VerificationKey,
    algorithms_of,
    public_key_set,
    secret_key_set,
    thumbprint_of,
)
from service.authn.private_files import read_bytes, read_private
from service.authn.strict_json import BadJson, parse_object
from service.config import IssuerSettings
from service.errors import ConfigError

SECRET_BYTES: Final = 64
"""A shared secret is at least as long as the output of the longest HMAC in use (RFC 7518 section 3.2)."""
RSA_BITS: Final = 2048
"""RFC 7518 sections 3.3 and 3.5."""
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "Ed25519", "Ed448"})
_SALT: Final = secrets.token_bytes(32)


class _PassedOver(Exception):
    """A key that is not for this issuer's signatures; the message says why."""


def load_keys(issuer: IssuerSettings) -> KeySet:
    """The issuer's keys; ConfigError says what is wrong with the file, without quoting a secret."""
    if issuer.secret_file is not None:
        return _load_secret(issuer.secret_file, frozenset(issuer.algorithms))
    if issuer.jwks_file is not None:
        return _load_jwks(issuer.jwks_file, frozenset(issuer.algorithms))
    raise ConfigError(f"issuer `{issuer.issuer}` has no keys\nhelp: give jwks_file or secret_file")


def _load_secret(path: Path, algorithms: frozenset[str]) -> KeySet:
    """One line break at the file's end is not part of the secret; every other byte is."""
    content = read_private(path, "the shared secret")
    secret = content[:-2] if content.endswith(b"\r\n") else content.removesuffix(b"\n")
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            f"the shared secret `{path}` has {len(secret)} bytes, at least {SECRET_BYTES} are needed\n"
            f"help: `(umask 077; openssl rand -hex -out {path} 64)` makes one"
        )
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except PyJWTError:
        raise ConfigError(f"the shared secret `{path}` looks like a key file: a public key is no secret") from None
    return secret_key_set(secret, algorithms, _SALT)


def _load_jwks(path: Path, algorithms: frozenset[str]) -> KeySet:
    try:
        listed = parse_object(read_bytes(path, "the JWKS file")).get("keys")
    except BadJson as error:
        raise ConfigError(f"the JWKS file `{path}`: {error}") from None
    if not isinstance(listed, list) or not listed:
        raise ConfigError(f'the JWKS file `{path}` lists no keys\nhelp: it reads `{{"keys": [...]}}`')
    keys: dict[str, VerificationKey] = {}
    passed_over: list[str] = []
    for number, jwk in enumerate(listed, 1):
        where = f"key {number} of the JWKS file `{path}`"
        try:
            key = _read_key(jwk, algorithms, where)
        except _PassedOver as reason:
            passed_over.append(f"{where} {reason}")
            continue
        if key.key_id in keys:
            raise ConfigError(f"{where} has a `kid` that an earlier key has")
        keys[key.key_id] = key
    if not keys:
        raise ConfigError("\n".join([f"the JWKS file `{path}` has no key for the issuer's algorithms", *passed_over]))
    return public_key_set(keys.values())


def _read_key(jwk: Json, algorithms: frozenset[str], where: str) -> VerificationKey:
    """The key, usable for what its kind, its `alg` and the issuer allow; its id is its thumbprint if it has none."""
    if not isinstance(jwk, dict):
        raise ConfigError(f"{where} is not an object")
    _check_public(jwk, where)
    _check_purpose(jwk)
    key = _material(jwk, where)
    usable = algorithms_of(key) & algorithms
    if "alg" in jwk:
        usable &= {jwk["alg"]} if isinstance(jwk["alg"], str) else frozenset()
    if not usable:
        raise _PassedOver("verifies no algorithm that the issuer lists")
    thumbprint = thumbprint_of(key)
    key_id = jwk.get("kid", thumbprint)
    if not isinstance(key_id, str):
        raise ConfigError(f"{where} has a `kid` that is not a string")
    return VerificationKey(key_id, thumbprint, usable, key)


def _check_public(jwk: dict[str, Json], where: str) -> None:
    if jwk.get("kty") == "oct":
        raise ConfigError(f"{where} is a shared secret\nhelp: put it in a file of its own and name it as secret_file")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise ConfigError(f"{where} is private\nhelp: list its public part here, and replace a key that others saw")


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


def _material(jwk: dict[str, Json], where: str) -> PublicKey:
    readers = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}
    try:
        key = readers[str(jwk["kty"])](jwk)
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"{where} is broken: its members make no public key") from None
    if not isinstance(key, PublicKey):
        raise ConfigError(f"{where} is private")
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        raise ConfigError(f"{where} is weak: RSA with {key.key_size} bits, at least {RSA_BITS} are needed")
    return key
