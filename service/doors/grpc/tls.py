"""The TLS of the gRPC door: gRPC asks for it at each handshake, so that files may change."""

from collections.abc import Callable
from typing import TypeVar, cast

import grpc

from service.authn.held_tls import HeldTls
from service.authn.tls_files import TlsFiles, TlsPair

PairT = TypeVar("PairT", bound=TlsPair)


def credentials_of(held: HeldTls[PairT]) -> grpc.ServerCredentials:
    """What a server listens with; where authorities of clients are held, it requires a certificate of each client.

    TLS is 1.2 or 1.3 and ALPN `h2`, as gRPC has it; its Python has no setting for either.
    """
    now = held.now
    return grpc.dynamic_ssl_server_credentials(
        _configuration(now), _changes(held, now), require_client_authentication=isinstance(now, TlsFiles)
    )


def _changes(held: HeldTls[PairT], told: PairT) -> Callable[[], grpc.ServerCertificateConfiguration]:
    """Says what is new since it was asked last; gRPC asks in threads of its own."""

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal told
        now = held.now
        if now is told:
            return None
        told = now
        return _configuration(now)

    # gRPC takes None for no change, which its stubs leave out.
    return cast(Callable[[], grpc.ServerCertificateConfiguration], changed)


def _configuration(pair: TlsPair) -> grpc.ServerCertificateConfiguration:
    client_ca = pair.client_ca if isinstance(pair, TlsFiles) else None
    return grpc.ssl_server_certificate_configuration([(pair.key, pair.certificate)], client_ca)
