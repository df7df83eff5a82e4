"""A certificate that is revoked by its fingerprint has no twin of another fingerprint that is let in."""

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from service.authn.fingerprints import fingerprint_of, fingerprints_of
from tests.identity_provider.clients import ClientAuthority, uri

CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "P-384": (
        ec.SECP384R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    "P-521": (
        ec.SECP521R1(),
        int("1FF" + "F" * 62 + "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
    ),
}


@pytest.mark.parametrize("curve", CURVES)
def test_a_certificate_is_known_by_the_fingerprint_of_its_twin_too(curve: str) -> None:
    kind, order = CURVES[curve]
    authority = ClientAuthority("authority", curve=kind)
    certificate = authority.holding(uri("spiffe://example.org/x"))
    twin = certificate.twin(order).certificate
    assert verifies(twin, authority)
    assert fingerprint_of(twin) != fingerprint_of(certificate.certificate)
    assert fingerprint_of(twin) in fingerprints_of(certificate.certificate)
    assert fingerprint_of(certificate.certificate) in fingerprints_of(twin)


def test_two_certificates_share_no_fingerprint() -> None:
    authority = ClientAuthority("authority")
    one, other = (fingerprints_of(authority.holding().certificate) for _ in range(2))
    assert set(one) & set(other) == set()


def verifies(certificate: x509.Certificate, authority: ClientAuthority) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except InvalidSignature:
        return False
    return True
