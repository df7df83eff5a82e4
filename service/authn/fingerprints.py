"""Says by which fingerprints a certificate is known, so that a revoked one has no other that still works.

An ECDSA signature (r, s) verifies as (r, n - s) too. So whoever has a certificate by such an authority can make another
of the same text and another SHA-256: its twin, by which it is revoked as well.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

_ECDSA: Final = "1.2.840.10045.4."
"""How the names of ECDSA's algorithms begin (RFC 5480)."""
_ORDERS: Final = (
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
)
"""The order n of P-256, P-384 and P-521; which of them signed is not said by what was signed."""
_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03


def fingerprint_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of the whole certificate, in hexadecimal digits."""
    return _digest(certificate.public_bytes(Encoding.DER))


def fingerprints_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its own, and those of the twins that it may have."""
    return (fingerprint_of(certificate), *map(_digest, _twins(certificate)))


def _twins(certificate: x509.Certificate) -> Iterator[bytes]:
    if not certificate.signature_algorithm_oid.dotted_string.startswith(_ECDSA):
        return
    r, s = decode_dss_signature(certificate.signature)
    whole, signed = certificate.public_bytes(Encoding.DER), certificate.tbs_certificate_bytes
    signature = _tagged(_BIT_STRING, b"\0" + certificate.signature)
    # Between what is signed and the signature stands the algorithm.
    algorithm = whole[whole.index(signed) + len(signed) : -len(signature)]
    for order in _ORDERS:
        if r < order and s < order:
            other = _tagged(_BIT_STRING, b"\0" + encode_dss_signature(r, order - s))
            yield _tagged(_SEQUENCE, signed + algorithm + other)


def _tagged(tag: int, content: bytes) -> bytes:
    """The content in DER."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
