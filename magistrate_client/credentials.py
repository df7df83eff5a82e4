"""Makes call metadata out of a token, without ever showing the token."""

import re
from typing import Final

import grpc

from magistrate_client.errors import ErrorDetails, Unauthenticated

Metadata = tuple[tuple[str, str], ...]

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""What a bearer token may consist of (RFC 6750, section 2.1)."""


def bearer(token: str) -> Metadata:
    """The metadata that presents the token; space around it, as a file's last line has it, is dropped.

    Raises Unauthenticated for what is no token: gRPC's own error would quote it.
    """
    stripped = token.strip()
    if not _TOKEN.fullmatch(stripped):
        text = "the token is empty" if not stripped else "the token has characters that no token has"
        raise Unauthenticated(grpc.StatusCode.UNAUTHENTICATED, text, ErrorDetails(reason="UNAUTHENTICATED"))
    return (("authorization", f"Bearer {stripped}"),)
