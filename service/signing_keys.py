"""Reads Ed25519 keys (RFC 8032) from PEM; ConfigError says what is wrong with one."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from service.errors import ConfigError

_MAKE_KEY: Final = "`openssl genpkey -algorithm ed25519 -out FILE` makes a key, `openssl pkey -pubout` its public one"


def read_private_key(name: str, content: bytes) -> Ed25519PrivateKey:
    """The private key in that PEM, which messages call `name`."""
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"the {name} is no private key in PEM\nhelp: {_MAKE_KEY}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"the {name} is not of Ed25519\nhelp: {_MAKE_KEY}")
    return key


def read_public_key(name: str, content: bytes) -> Ed25519PublicKey:
    """The public key in that PEM, which messages call `name`."""
    try:
        key = load_pem_public_key(content)
    except ValueError:
        raise ConfigError(f"the {name} is no public key in PEM\nhelp: {_MAKE_KEY}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"the {name} is not of Ed25519\nhelp: {_MAKE_KEY}")
    return key


def is_signed_by(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    """Whether the signature of the content is by that key."""
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
