"""The door for client certificates: what it shows, whom it lets in, and by which certificate a call was made."""

from typing import TypeVar

import grpc
from grpc.aio import ServicerContext

from service.authn.certificates import CertificateVerifier
from service.authn.held_tls import HeldTls
from service.authn.tls_files import load_tls_files, tls_paths
from service.certificate_settings import CertificateSettings
from service.doors.grpc.tls import credentials_of
from service.model import PeerCertificate
from service.ports import Revocations
from service.samples import Samples


class MutualTls:
    """What the door shows and whom it lets in. Open connections keep what they were made with."""

    def __init__(self, settings: CertificateSettings, revocations: Revocations) -> None:
        """Reads the files; ConfigError if they do not fit."""
        self._held = HeldTls("certificates", tls_paths(settings), lambda: load_tls_files(settings))
        self.verifier = CertificateVerifier(settings, self._held.now.authorities, revocations)
        """Verifies the certificates of calls, by the same authorities."""

    async def follow(self, *, every: float, samples: Samples) -> None:
        """Takes up what changes in the files. Never returns."""
        await self._held.follow(self._reload, every=every, samples=samples)

    def credentials(self) -> grpc.ServerCredentials:
        """What a server listens with; it requires a certificate of each client."""
        return credentials_of(self._held)

    def _reload(self) -> None:
        self._held.reload()
        self.verifier.trust(self._held.now.authorities)


Request = TypeVar("Request")
Response = TypeVar("Response")


def peer_certificate(context: ServicerContext[Request, Response]) -> PeerCertificate | None:
    """The certificate by which the call's connection was made; None where it was made without."""
    told = context.auth_context()
    leaf = next(iter(told.get("x509_pem_cert", ())), None)
    if leaf is None:
        return None
    return PeerCertificate(leaf, next(iter(told.get("x509_pem_cert_chain", ())), b""))
