"""Reads what the door for client certificates shows, and the authorities that it trusts, and holds them to fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from service.authn.private_files import read_bytes, read_private
from service.certificate_settings import CertificateSettings
from service.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate and the key of it, and the authorities of clients; PEM as it was read."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes
    authorities: tuple[x509.Certificate, ...]


def tls_paths(settings: CertificateSettings) -> tuple[Path, ...]:
    """The files that are read."""
    return settings.certificate_file, settings.key_file, settings.client_ca_file


def load_tls_files(settings: CertificateSettings) -> TlsFiles:
    """The files' content; ConfigError if one cannot be read, or the key is not that of the certificate."""
    shown = read_bytes(settings.certificate_file, "the certificate_file")
    key = read_private(settings.key_file, "the key_file")
    client_ca = read_bytes(settings.client_ca_file, "the client_ca_file")
    certificate = _read_certificates(shown, settings.certificate_file)[0]
    if _plain(certificate.public_key()) != _plain(_public_key_of(key, settings.key_file)):
        raise ConfigError(f"the key_file `{settings.key_file}` is not the key of `{settings.certificate_file}`")
    return TlsFiles(shown, key, client_ca, tuple(_read_certificates(client_ca, settings.client_ca_file)))


def _read_certificates(pem: bytes, path: Path) -> Sequence[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ConfigError(f"`{path}` holds no certificates in PEM") from error
    # The reader passes over one that is cut off, as it is while the file is being written.
    if len(found) != pem.count(b"-----BEGIN "):
        raise ConfigError(f"`{path}` holds no certificates in PEM alone, or not all of the last one")
    return found


def _public_key_of(pem: bytes, path: Path) -> PublicKeyTypes:
    try:
        return load_pem_private_key(pem, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"the key_file `{path}` holds no private key in PEM that can be read without a password"
        ) from error


def _plain(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
