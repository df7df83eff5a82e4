"""An authority of client certificates that lives for one run of the tests, and the certificates that it gives out."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.service.authn.forge import write_secret

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate and the key of it, in PEM; `others` are those between it and the authority."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    others: bytes = b""

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def sha256(self) -> str:
        """The certificate's fingerprint."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def twin(self, order: int = P256_ORDER) -> "Held":
        """The same text with the other signature that verifies, which whoever has the certificate can make."""
        r, s = decode_dss_signature(self.certificate.signature)
        whole, signature = self.certificate.public_bytes(Encoding.DER), self.certificate.signature
        other = encode_dss_signature(r, order - s)
        sized = [0x81] if len(signature) > 126 else []
        body = whole[4 : -len(signature) - 3 - len(sized)]
        body += bytes([3, *([0x81] if len(other) > 126 else []), len(other) + 1, 0]) + other
        der = b"\x30\x82" + len(body).to_bytes(2, "big") + body
        return Held(x509.load_der_x509_certificate(der), self.key, self.others)

    def write(self, certificate: Path, key: Path) -> None:
        """Writes both, the key for its owner alone."""
        certificate.write_bytes(self.pem)
        write_secret(key, self.key_pem)


class ClientAuthority:
    """Signs certificates. An authority that was signed by another is between that and its certificates."""

    def __init__(
        self, name: str, above: "ClientAuthority | None" = None, *, curve: ec.EllipticCurve | None = None
    ) -> None:
        self._key = ec.generate_private_key(curve or ec.SECP256R1())
        self._name = _named(name)
        self._others = b""
        signer, signer_key = (above._name, above._key) if above is not None else (self._name, self._key)
        self.certificate = (
            _builder(self._name, signer, self._key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer_key, hashes.SHA256())
        )
        if above is not None:
            self._others = self.pem

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def holding(
        self,
        *names: x509.GeneralName,
        lifetime: datetime.timedelta = DAY,
        common_name: str = "somebody",
        is_authority: bool = False,
        purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    ) -> Held:
        """A new certificate of those alternative names, good for that long from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_named(common_name), self._name, key, lifetime)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Held(builder.sign(self._key, hashes.SHA256()), key, self._others)


def uri(name: str) -> x509.GeneralName:
    """A URI name."""
    return x509.UniformResourceIdentifier(name)


def host(name: str) -> x509.GeneralName:
    """A DNS name."""
    return x509.DNSName(name)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + lifetime)
    )
