"""Reads what a door shows, and the authorities of clients that it trusts, and holds them to fit."""

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
from service.tls_settings import TlsSettings


@dataclass(frozen=True, slots=True)
class TlsPair:
    """A certificate and the key of it, PEM as it was read.

    `expires` is when the first certificate of the file does, in seconds since 1970 UTC.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True)
class TlsFiles(TlsPair):
    """The same, and the authorities of clients."""

    client_ca: bytes
    authorities: tuple[x509.Certificate, ...]


def pair_paths(settings: TlsSettings) -> tuple[Path, ...]:
    """The files of a certificate and its key."""
    return settings.certificate_file, settings.key_file


def tls_paths(settings: CertificateSettings) -> tuple[Path, ...]:
    """The same, and that of the authorities of clients."""
    return *pair_paths(settings), settings.client_ca_file


def load_tls_pair(settings: TlsSettings) -> TlsPair:
    """The files' content; ConfigError if one cannot be read, or the key is not that of the certificate."""
    shown = read_bytes(settings.certificate_file, "the certificate_file")
    key = read_private(settings.key_file, "the key_file")
    certificates = _read_certificates(shown, settings.certificate_file)
    if _plain(certificates[0].public_key()) != _plain(_public_key_of(key, settings.key_file)):
        raise ConfigError(f"the key_file `{settings.key_file}` is not the key of `{settings.certificate_file}`")
    return TlsPair(shown, key, min(each.not_valid_after_utc.timestamp() for each in certificates))


def load_tls_files(settings: CertificateSettings) -> TlsFiles:
    """The files' content; ConfigError as `load_tls_pair`."""
    pair = load_tls_pair(settings)
    client_ca = read_bytes(settings.client_ca_file, "the client_ca_file")
    authorities = tuple(_read_certificates(client_ca, settings.client_ca_file))
    return TlsFiles(pair.certificate, pair.key, pair.expires, client_ca, authorities)


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
