"""The HTTP door's TLS is refused at the start where OpenSSL would refuse it at every handshake."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from service.app.tls import DoorTls
from service.config import Settings
from service.errors import ConfigError
from service.tls_settings import TlsSettings
from tests.service.authn.forge import write_secret


@pytest.fixture
def weak(tmp_path: Path) -> TlsSettings:
    """A pair that fits and whose key is too short for anybody to take."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "service")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    made = TlsSettings(certificate_file=tmp_path / "server.pem", key_file=tmp_path / "server.key")
    made.certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    write_secret(made.key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def test_a_key_that_is_too_short_refuses_the_start(weak: TlsSettings) -> None:
    with pytest.raises(ConfigError, match="TLS does not take the certificate: EE_KEY_TOO_SMALL"):
        DoorTls.of(Settings(tls=weak, http="127.0.0.1:0"))


def test_doors_without_tls_show_nothing() -> None:
    tls = DoorTls.of(Settings(http="127.0.0.1:0"))
    assert (tls.for_grpc(), tls.for_http()) == (None, None)
