"""Signs bundles, and holds pushed ones to the keys that are configured (Ed25519, RFC 8032).

Law: what is signed is the digest, behind a prefix of its own, so that a signature made for anything else is none here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from service.errors import BundleRefused, ConfigError
from service.signing_keys import is_signed_by, read_private_key, read_public_key

_PREFIX: Final = b"magistrate bundle 1\n"


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
        if not any(is_signed_by(key, _PREFIX + digest.encode(), signature) for key in self._keys):
            raise BundleRefused(f"the signature of the policies `{digest}` is by none of the keys of this service")


def sign(digest: str, name: str, content: bytes) -> bytes:
    """The signature of a bundle by the private key in that PEM file; ConfigError if it holds none of Ed25519."""
    return read_private_key(f"signing key `{name}`", content).sign(_PREFIX + digest.encode())


def _public_key(file: Path) -> Ed25519PublicKey:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"the bundle key `{file}` cannot be read: {(error.strerror or 'unknown').lower()}") from error
    return read_public_key(f"bundle key `{file}`", content)
