"""What is answered to a request that came whole, and how it goes over the wire, in one piece."""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Receive, Scope

from policy_lang.stages import stage
from service.doors.http.pages import Headers, Page

_CLOSE: Final = (b"connection", b"close")
_HEADS = 64
"""Heads that are remembered: there is one for decisions, and a few for each error."""


@stage
class Answered:
    """A page, and the id of the request that it answers."""

    page: Page
    request_id: bytes


AtOnce = Callable[[Scope, Receive, bytes], Answered | ASGIApp]
"""Answers a request whose body is here; where something has to be waited for, an application that does the rest."""


def written(answered: Answered, *, date: bytes, is_last: bool) -> bytes:
    """The answer as HTTP/1.1 has it, `connection: close` in it where it is the last one."""
    page = answered.page
    return b"%sdate: %s\r\nx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (
        _head(page.status, (*page.headers, _CLOSE) if is_last else page.headers),
        date,
        answered.request_id,
        len(page.body),
        page.body,
    )


@lru_cache(_HEADS)
def _head(status: int, headers: Headers) -> bytes:
    line = f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%s: %s\r\n" % header for header in headers)
