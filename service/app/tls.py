"""Builds the TLS of a worker's doors, and keeps it to its files."""

from collections.abc import Coroutine
from dataclasses import dataclass

import grpc

from service.authn.held_tls import HeldTls
from service.authn.tls_files import TlsPair, load_tls_pair, pair_paths
from service.config import Settings
from service.doors.grpc.tls import credentials_of
from service.doors.sockets import is_socket
from service.samples import Samples


@dataclass(frozen=True, slots=True)
class DoorTls:
    """What the doors show to other machines; nothing where they speak plain text."""

    settings: Settings
    held: HeldTls[TlsPair] | None

    @classmethod
    def of(cls, settings: Settings) -> "DoorTls":
        """Reads the files; ConfigError if they do not fit."""
        tls = settings.tls
        return cls(settings, None if tls is None else HeldTls("tls", pair_paths(tls), lambda: load_tls_pair(tls)))

    def for_grpc(self) -> grpc.ServerCredentials | None:
        """What the gRPC door listens with; a Unix socket needs none, since nobody else is on the way."""
        return None if self.held is None or is_socket(self.settings.grpc) else credentials_of(self.held)

    def work(self, samples: Samples) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be done beside answering: the files are followed."""
        if self.held is None:
            return ()
        return (self.held.follow(self.held.reload, every=self.settings.watch_seconds, samples=samples),)
