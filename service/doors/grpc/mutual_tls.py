"""The TLS of the door for client certificates: gRPC asks for it at each handshake, so that files may change."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import grpc
from grpc.aio import ServicerContext

from service.authn.certificates import CertificateVerifier
from service.authn.tls_files import TlsFiles, load_tls_files, tls_paths
from service.certificate_settings import CertificateSettings
from service.model import PeerCertificate
from service.ports import Revocations


class MutualTls:
    """What the door shows and whom it lets in. Open connections keep what they were made with."""

    def __init__(self, settings: CertificateSettings, revocations: Revocations) -> None:
        """Reads the files; ConfigError if they do not fit."""
        self._settings = settings
        self._files = load_tls_files(settings)
        self.verifier = CertificateVerifier(settings, self._files.authorities, revocations)
        """Verifies the certificates of calls, by the same authorities."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tls_paths(self._settings)

    def reload(self) -> None:
        """Reads the files again; ConfigError leaves in force what was, such as while a pair is half written."""
        self._files = load_tls_files(self._settings)
        self.verifier.trust(self._files.authorities)

    def credentials(self) -> grpc.ServerCredentials:
        """What a server listens with; it requires a certificate of each client. TLS is 1.2 or 1.3, as gRPC has it."""
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self._files), self._changes(), require_client_authentication=True
        )

    def _changes(self) -> Callable[[], grpc.ServerCertificateConfiguration]:
        """Says what is new since it was asked last; gRPC asks in threads of its own."""
        told = self._files

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal told
            now = self._files
            if now is told:
                return None
            told = now
            return _configuration(now)

        # gRPC takes None for no change, which its stubs leave out.
        return cast(Callable[[], grpc.ServerCertificateConfiguration], changed)


Request = TypeVar("Request")
Response = TypeVar("Response")


def _configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(files.key, files.certificate)], files.client_ca)


def peer_certificate(context: ServicerContext[Request, Response]) -> PeerCertificate | None:
    """The certificate by which the call's connection was made; None where it was made without."""
    told = context.auth_context()
    leaf = next(iter(told.get("x509_pem_cert", ())), None)
    if leaf is None:
        return None
    return PeerCertificate(leaf, next(iter(told.get("x509_pem_cert_chain", ())), b""))
