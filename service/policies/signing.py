"""Signs bundles, and holds pushed ones to the keys that are configured (Ed25519, RFC 8032).

Law: what is signed is the digest, behind a prefix of its own, so that a signature made for anything else is none here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from service.errors import BundleRefused, ConfigError

_PREFIX: Final = b"magistrate bundle 1\n"
_MAKE_KEY: Final = "`openssl genpkey -algorithm ed25519 -out FILE` makes a key, `openssl pkey -pubout` its public one"


class Signatures:
    """The keys whose signatures are accepted; without any, nothing need be signed."""

    def __init__(self, keys: Sequence[Ed25519PublicKey] = ()) -> None:
        self._keys = tuple(keys)

    @property
    def are_wanted(self) -> bool:
        """Whether bundles must be signed."""
        return bool(self._keys)

    @classmethod
    def of(cls, files: Sequence[Path]) -> "Signatures":
        """The public keys in those PEM files; ConfigError where one cannot be read or is of another kind."""
        return cls([_public_key(file) for file in files])

    def check(self, digest: str, signature: bytes | None) -> None:
        """Returns for a bundle that is signed as it must be; BundleRefused for any other."""
        if not self._keys:
            return
        if signature is None:
            raise BundleRefused(f"the policies `{digest}` are not signed, and this service takes signed ones only")
        if not any(_verifies(key, digest, signature) for key in self._keys):
            raise BundleRefused(f"the signature of the policies `{digest}` is by none of the keys of this service")


def sign(digest: str, name: str, content: bytes) -> bytes:
    """The signature of a bundle by the private key in that PEM file; ConfigError if it holds none of Ed25519."""
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"the signing key `{name}` is no private key in PEM\nhelp: {_MAKE_KEY}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"the signing key `{name}` is not of Ed25519\nhelp: {_MAKE_KEY}")
    return key.sign(_PREFIX + digest.encode())


def _public_key(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"the bundle key `{file}` cannot be read: {(error.strerror or 'unknown').lower()}") from error
    except ValueError:
        raise ConfigError(f"the bundle key `{file}` is no public key in PEM\nhelp: {_MAKE_KEY}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"the bundle key `{file}` is not of Ed25519\nhelp: {_MAKE_KEY}")
    return key


def _verifies(key: Ed25519PublicKey, digest: str, signature: bytes) -> bool:
    try:
        key.verify(signature, _PREFIX + digest.encode())
    except InvalidSignature:
        return False
    return True
