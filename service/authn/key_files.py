"""Loads an issuer's keys from its files: public keys from a JWKS or from PEM, or shared secrets.

Every fault refuses the start; the message says what to do, and quotes no secret.
"""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import PyJWTError

from service.authn.jwks import BadJwks, read_jwks, weakness_of
from service.authn.keys import (
    NO_KEYS,
    KeySet,
    PublicKey,
    VerificationKey,
    algorithms_of,
    key_set,
    secret_key,
    thumbprint_of,
)
from service.authn.private_files import read_bytes, read_private
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings

SECRET_BYTES: Final = 64
"""A shared secret is at least as long as the output of the longest HMAC in use (RFC 7518 section 3.2)."""
_SALT: Final = secrets.token_bytes(32)


def load_keys(issuer: IssuerSettings) -> KeySet:
    """The issuer's keys, none where they are not in files; ConfigError says what is wrong with a file."""
    algorithms = frozenset(issuer.algorithms)
    if issuer.secret_file is not None:
        return key_set([_load_secret(issuer.secret_file, "", algorithms)], is_unnamed=True)
    if issuer.secret_files:
        return _secrets(issuer.secret_files, algorithms)
    if issuer.jwks_file is not None:
        return _load_jwks(issuer.jwks_file, algorithms)
    if issuer.pem_file is not None:
        return key_set([_load_pem(issuer.pem_file, None, algorithms)], is_unnamed=True)
    return key_set(_load_pem(path, key_id, algorithms) for key_id, path in issuer.pem_files.items())


def key_files(issuers: Iterable[IssuerSettings]) -> tuple[Path, ...]:
    """The files that the issuers' keys stand in, each once."""
    files: list[Path | None] = []
    for issuer in issuers:
        files += [issuer.jwks_file, issuer.pem_file, issuer.secret_file]
        files += [*issuer.pem_files.values(), *issuer.secret_files.values()]
    return tuple(dict.fromkeys(file for file in files if file is not None))


def _secrets(files: Mapping[str, Path], algorithms: frozenset[str]) -> KeySet:
    keys = key_set(_load_secret(path, key_id, algorithms) for key_id, path in files.items())
    if len(keys.thumbprints) < len(files):
        raise ConfigError("two of the secret_files hold the same secret\nhelp: a new `kid` goes with a new secret")
    return keys


def _load_secret(path: Path, key_id: str, algorithms: frozenset[str]) -> VerificationKey:
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
    return secret_key(secret, key_id, algorithms, _SALT)


def _load_jwks(path: Path, algorithms: frozenset[str]) -> KeySet:
    where = f"the JWKS file `{path}`"
    try:
        found = read_jwks(read_bytes(path, "the JWKS file"), algorithms, where)
    except BadJwks as error:
        raise ConfigError(str(error)) from None
    if found.faults:
        raise ConfigError(found.faults[0])
    if found.keys == NO_KEYS:
        raise ConfigError("\n".join([f"{where} has no key for the issuer's algorithms", *found.passed_over]))
    return found.keys


def _load_pem(path: Path, key_id: str | None, algorithms: frozenset[str]) -> VerificationKey:
    """The key of a PEM file; its id is its thumbprint if it has none."""
    content = read_bytes(path, "the PEM file")
    if b"PRIVATE KEY-----" in content:
        raise ConfigError(
            f"the PEM file `{path}` holds a private key\nhelp: `openssl pkey -pubout` writes the public one"
        )
    if content.count(b"-----BEGIN ") != 1:
        raise ConfigError(f"the PEM file `{path}` does not hold one public key")
    try:
        key = load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(
            f"the PEM file `{path}` holds no public key\nhelp: `openssl x509 -pubkey` prints that of a certificate"
        ) from None
    usable = algorithms_of(key) & algorithms if isinstance(key, PublicKey) else frozenset()
    if not isinstance(key, PublicKey) or not usable:
        raise ConfigError(f"the key of the PEM file `{path}` verifies no algorithm that the issuer lists")
    if weakness := weakness_of(key):
        raise ConfigError(f"the key of the PEM file `{path}` {weakness}")
    thumbprint = thumbprint_of(key)
    return VerificationKey(thumbprint if key_id is None else key_id, thumbprint, usable, key)
