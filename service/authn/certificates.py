"""Verifies client certificates that a TLS handshake has accepted, and may have outlived.

The handshake has checked signatures, dates and purpose, and that the peer has the key. A connection lives on when that
has changed, so on every use are looked at: the certificate's dates, whether it is revoked, and whether its authority is
trusted still.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from service.authn.cache import Counts, TokenCache
from service.authn.certificate_names import named_by_certificate
from service.authn.fingerprints import fingerprints_of
from service.authn.verified import Window
from service.certificate_settings import CertificateSettings
from service.errors import Flaw, Unauthenticated
from service.identity import Evidence, EvidenceKind
from service.model import Caller, Credential, PeerCertificate, Principal
from service.ports import Revocations

ENTRIES: Final = 10_000
"""Certificates that a worker keeps in memory."""
ISSUER: Final = "certificate"
"""Stands for the issuer of a caller whose credential is a certificate."""


@dataclass(frozen=True, slots=True)
class _Certified:
    """Whom a certificate names, when it holds, and what it is revoked by."""

    credential: Credential
    window: Window
    caller: Caller


class CertificateVerifier:
    """Verifies certificates of the trusted authorities. It belongs to the loop's thread."""

    def __init__(
        self,
        settings: CertificateSettings,
        authorities: Sequence[x509.Certificate],
        revocations: Revocations,
    ) -> None:
        self._settings = settings
        self._revocations = revocations
        self._authorities = tuple(authorities)
        self._cache: TokenCache[_Certified] = TokenCache(ENTRIES)

    @property
    def cache_counts(self) -> Counts:
        """How its memory is used."""
        return self._cache.counts

    def trust(self, authorities: Sequence[x509.Certificate]) -> None:
        """Trusts these authorities instead, also for connections that are open."""
        self._authorities = tuple(authorities)
        self._cache.clear()

    def caller(self, presented: PeerCertificate, now: int) -> Caller:
        """Whom the certificate names at `now` (milliseconds since 1970 UTC).

        Unauthenticated where that is nobody, or it does not hold; FactsUnavailable where it cannot be told whether it
        is revoked.
        """
        certified = self._certified(presented)
        certified.window.check(now)
        self._revocations.check(certified.credential, now)
        return certified.caller

    def _certified(self, presented: PeerCertificate) -> "_Certified":
        digest = hashlib.sha256(presented.leaf + presented.others).digest()
        known = self._cache.find(digest)
        if known is None:
            known = self._read(presented)
            self._cache.keep(digest, known)
        return known

    def _read(self, presented: PeerCertificate) -> "_Certified":
        try:
            certificate = x509.load_pem_x509_certificate(presented.leaf)
            others = x509.load_pem_x509_certificates(presented.others) if presented.others else []
            return self._verified(certificate, others)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise Unauthenticated("the certificate cannot be read") from error

    def _verified(self, certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> "_Certified":
        if _is_authority(certificate):
            raise Unauthenticated(
                "the certificate is an authority's, which makes others and does not call", Flaw.MISUSED
            )
        if not _is_anchored(certificate, others, self._authorities):
            raise Unauthenticated("no authority that is trusted now has signed the certificate", Flaw.UNTRUSTED)
        ref = named_by_certificate(certificate, self._settings)
        fingerprints = fingerprints_of(certificate)
        evidence = Evidence(EvidenceKind.CERTIFICATE, credential=fingerprints[0])
        return _Certified(
            credential=Credential(ISSUER, None, ref, None, certificate=fingerprints),
            window=window_of(certificate),
            caller=Caller(Principal(ref, evidence=evidence), ISSUER),
        )


def window_of(certificate: x509.Certificate) -> Window:
    """When it holds. Its last second is part of it (RFC 5280 section 4.1.2.5); no clock's error is allowed for."""
    return Window(
        _milliseconds(certificate.not_valid_before_utc), _milliseconds(certificate.not_valid_after_utc) + 1000
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _is_anchored(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]
) -> bool:
    """Whether signatures lead from one of the authorities to the certificate, by way of those that came with it."""
    left, reached = list(others), [certificate]
    while reached:
        each = reached.pop()
        if each in authorities or any(_has_signed(authority, each) for authority in authorities):
            return True
        signers = [other for other in left if _has_signed(other, each)]
        left = [other for other in left if other not in signers]
        reached += signers
    return False


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
