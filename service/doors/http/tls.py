"""The TLS of the HTTP door: looked at anew at each handshake, so that files may change under open connections."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from service.authn.held_tls import HeldTls
from service.authn.tls_files import TlsPair
from service.errors import ConfigError


def context_of(held: HeldTls[TlsPair]) -> ssl.SSLContext:
    """What a server listens with; each handshake shows what is held by then."""
    front = context_showing(held.now)
    told, shown = held.now, front

    def show(spoken: ssl.SSLObject, _name: str | None, _front: ssl.SSLContext) -> None:
        nonlocal told, shown
        if held.now is not told:
            told = held.now
            shown = context_showing(told)
        spoken.context = shown

    front.sni_callback = show
    return front


def context_showing(pair: TlsPair) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for HTTP/1.1 by that certificate; ConfigError where OpenSSL does not take it, as a weak key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # What was read and found to fit, not the files, which may change between two looks.
        with _in_memory(pair.certificate) as certificate, _in_memory(pair.key) as key:
            context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise ConfigError(f"TLS does not take the certificate: {error.reason or error}") from error
    return context


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """The path of a file that is on no disk; it is there while the block runs."""
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
