"""Builds the TLS of a worker's doors, and keeps it to its files."""

import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial

import grpc

from service.authn.held_tls import HeldTls
from service.authn.tls_files import TlsPair, load_tls_pair, pair_paths
from service.config import Settings
from service.doors.grpc.tls import credentials_of
from service.doors.http.tls import context_of, context_showing
from service.doors.sockets import inherited_descriptor, is_socket
from service.samples import Samples
from service.tls_settings import TlsSettings


@dataclass(frozen=True, slots=True)
class DoorTls:
    """What the doors show to other machines; nothing where they speak plain text."""

    settings: Settings
    held: HeldTls[TlsPair] | None

    @classmethod
    def of(cls, settings: Settings) -> "DoorTls":
        """Reads the files; ConfigError if they do not fit."""
        tls = settings.tls
        if tls is None:
            return cls(settings, None)
        load = partial(load_tls_pair, tls) if not settings.http else partial(_load_for_both, tls)
        return cls(settings, HeldTls("tls", pair_paths(tls), load))

    def for_grpc(self) -> grpc.ServerCredentials | None:
        """What the gRPC door listens with; a Unix socket needs none, since nobody else is on the way."""
        return None if self.held is None or is_socket(self.settings.grpc) else credentials_of(self.held)

    def for_http(self) -> ssl.SSLContext | None:
        """The same of the HTTP door."""
        is_shared_socket = inherited_descriptor(self.settings.http) is not None
        return None if self.held is None or is_shared_socket else context_of(self.held)

    def work(self, samples: Samples) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be done beside answering: the files are followed."""
        if self.held is None:
            return ()
        return (self.held.follow(self.held.reload, every=self.settings.watch_seconds, samples=samples),)


def _load_for_both(settings: TlsSettings) -> TlsPair:
    """A pair that OpenSSL takes too, by which HTTP is served; gRPC has a library of its own."""
    pair = load_tls_pair(settings)
    context_showing(pair)
    return pair
