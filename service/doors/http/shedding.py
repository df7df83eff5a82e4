"""Answers requests that come while a worker has enough to do: 503 at once, and when to come again."""

from http import HTTPStatus
from typing import Final

from starlette.types import Receive, Scope, Send

REQUEST_ID: Final = b"x-request-id"
_HEADERS: Final = [
    (b"retry-after", b"1"),
    (b"content-length", b"0"),
    (b"cache-control", b"no-store"),
    (b"magistrate-reason", b"OVERLOADED"),
]


async def shed(scope: Scope, _: Receive, send: Send) -> None:
    """Refuses the request (an ASGI application): nothing is read of it but its id, which is echoed."""
    echoed = [(name, value) for name, value in scope["headers"] if name == REQUEST_ID]
    status = HTTPStatus.SERVICE_UNAVAILABLE
    await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, *echoed[:1]]})
    await send({"type": "http.response.body", "body": b""})
