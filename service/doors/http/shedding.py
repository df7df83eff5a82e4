"""Answers requests that come while a worker has enough to do: 503 at once, and when to come again."""

from http import HTTPStatus
from typing import Final

from starlette.types import Receive, Scope, Send

from service.doors.calls import HTTP

REQUEST_ID: Final = b"x-request-id"
SHED: Final = "shed"
"""As which call these are counted: what they ask for is not looked at."""
_HEADERS: Final = [
    (b"retry-after", b"1"),
    (b"content-length", b"0"),
    (b"cache-control", b"no-store"),
    (b"magistrate-reason", b"OVERLOADED"),
]


async def shed(scope: Scope, _: Receive, send: Send) -> None:
    """Refuses the request (an ASGI application): nothing is read of it but its id, which is echoed."""
    began = HTTP.begin()
    echoed = [(name, value) for name, value in scope["headers"] if name == REQUEST_ID]
    status = HTTPStatus.SERVICE_UNAVAILABLE
    await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, *echoed[-1:]]})
    await send({"type": "http.response.body", "body": b""})
    HTTP.end(SHED, str(int(status)), began)
