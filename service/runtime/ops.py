"""The ops port: what a probe or a scraper asks over HTTP, answered from memory by whoever supervises.

So little of HTTP/1.1 is spoken that no server is needed for it: GET, one request a connection, nothing read but its
first line and headers.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from service.errors import ConfigError
from service.runtime.address import Address

HEAD_BYTES: Final = 8192
SECONDS: Final = 5.0
"""How long a connection has to ask, and to take its answer."""
CONNECTIONS: Final = 64
"""Connections at a time; more are closed at once, so that strangers cannot use up the supervisor's files."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Routes = Mapping[str, Callable[[str], Page]]
"""By path; each is given the header `Accept`, empty where there is none."""


@asynccontextmanager
async def open_ops(wanted: Address, routes: Routes, *, seconds: float = SECONDS) -> AsyncIterator[Address]:
    """Answers these paths there while the block runs, and gives the address with its port chosen; ConfigError."""
    door = _OpsDoor(routes, seconds)
    try:
        server = await asyncio.start_server(door.serve, wanted.host or None, wanted.port, limit=HEAD_BYTES)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"the ops address `{wanted}` cannot be used: {why}\nhelp: choose another with --ops"
        ) from error
    try:
        yield Address(wanted.host, int(server.sockets[0].getsockname()[1]))
    finally:
        server.close()


class _OpsDoor:
    def __init__(self, routes: Routes, seconds: float) -> None:
        self._routes = routes
        self._seconds = seconds
        self._open = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open += 1
        writer.transport.set_write_buffer_limits(0)  # all is sent when it is drained
        try:
            if self._open <= CONNECTIONS:
                await self._answer(reader, writer)
        finally:
            self._open -= 1
            writer.transport.abort()  # closing would wait for who reads nothing, for ever

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            async with asyncio.timeout(self._seconds):
                head = await reader.readuntil(b"\r\n\r\n")
                first, *headers = head.decode("latin-1").split("\r\n")
                method, _, rest = first.partition(" ")
                page = self._page(method, rest.partition(" ")[0].partition("?")[0], _accept(headers))
                body = b"" if method == "HEAD" else page.body
                writer.write(
                    f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\nContent-Type: {page.content_type}\r\n"
                    f"Content-Length: {len(page.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()

    def _page(self, method: str, path: str, accept: str) -> Page:
        if method not in ("GET", "HEAD"):
            return Page(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET is answered\n")
        make = self._routes.get(path)
        if make is None:
            return Page(HTTPStatus.NOT_FOUND, f"there are {', '.join(self._routes)}\n".encode())
        return make(accept)


def _accept(headers: list[str]) -> str:
    """What the headers of that name say together (RFC 9110 section 5.3)."""
    named = [each.partition(":") for each in headers]
    return ", ".join(value.strip() for name, _, value in named if name.lower() == "accept")
