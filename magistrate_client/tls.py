"""Makes transport credentials out of PEM files: whom to trust, and by which certificate to call."""

from pathlib import Path

import grpc


def tls_credentials(
    ca_file: str | Path | None = None,
    *,
    certificate_file: str | Path | None = None,
    key_file: str | Path | None = None,
) -> grpc.ChannelCredentials:
    """TLS that trusts the authorities in `ca_file`, or else the system's; for `credentials` of the clients.

    With a certificate and its key the caller is whom the certificate names, and needs no token. Raises OSError if a
    file cannot be read, ValueError for a certificate without a key or a key without a certificate.
    """
    if (certificate_file is None) != (key_file is None):
        raise ValueError("expected `certificate_file` and `key_file` together")
    return grpc.ssl_channel_credentials(_content(ca_file), _content(key_file), _content(certificate_file))


def _content(file: str | Path | None) -> bytes | None:
    return None if file is None else Path(file).read_bytes()
