"""The HTTP server of one worker: connections of any listeners, one application behind them.

uvicorn's own server takes the process's signals and its loop; here only its protocol serves, on the worker's loop.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import formatdate
from socket import AF_UNIX, socket
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from service.doors.http.connection import Connection, Manners
from service.doors.http.whole import AtOnce
from service.doors.sockets import BACKLOG
from service.http_settings import HttpSettings

DATE_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 0.5
"""How long connections on which nothing is asked stay open while the door closes."""
END_SECONDS: Final = 0.02
"""How often it is looked whether all is answered."""


class HttpDoor:
    """Open it in a running event loop, close it before the loop ends."""

    def __init__(
        self,
        application: ASGIApp,
        settings: HttpSettings,
        *,
        at_once: Mapping[str, AtOnce],
        max_connection_age: float,
        is_leaving: Callable[[], bool],
    ) -> None:
        """`at_once` answers a POST of a path that came whole, in place of the application."""
        self._config = Config(
            application,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # what goes wrong in the application it tells itself; the rest any stranger can cause
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=settings.keep_alive_seconds,
        )
        self._config.load()
        self._state = ServerState()
        self._is_closing = False
        self._manners = Manners(
            head_bytes=settings.head_bytes,
            seconds=settings.read_seconds,
            age=max_connection_age,
            connections=settings.connections,
            requests=settings.requests,
            is_leaving=lambda: self._is_closing or is_leaving(),
            at_once=at_once,
        )
        self._handshake_seconds = settings.read_seconds
        self._servers: list[asyncio.Server] = []
        self._dating: asyncio.Task[None] | None = None

    async def open(self, listeners: Sequence[socket], tls: ssl.SSLContext | None = None) -> None:
        """Takes connections from these too, which listen already; by TLS where that is given."""
        loop = asyncio.get_running_loop()
        if self._dating is None:
            self._dating = loop.create_task(self._date())
        seconds = None if tls is None else self._handshake_seconds
        for listener in listeners:
            create = loop.create_unix_server if listener.family == AF_UNIX else loop.create_server
            server = await create(
                self._connection, sock=listener, backlog=BACKLOG, ssl=tls, ssl_handshake_timeout=seconds
            )
            self._servers.append(server)

    async def close(self, grace: float) -> None:
        """Takes no more connections, lets the requests in flight finish for `grace` seconds, then ends.

        Callers that ask one request after the other hear with the next answer that their connection ends: if it were
        closed at once, a request that is on its way would be lost.
        """
        self._is_closing = True
        ends = asyncio.get_running_loop().time() + grace
        for server in self._servers:
            server.close()
        await self._emptied(min(LINGER_SECONDS, grace))
        for connection in list(self._state.connections):
            connection.shutdown()
        await self._emptied(ends - asyncio.get_running_loop().time())
        for task in list(self._state.tasks):
            task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if self._dating is not None:
            self._dating.cancel()
        for server in self._servers:
            await server.wait_closed()

    async def _emptied(self, within: float) -> None:
        """Returns when nothing is open any more, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._state.connections or self._state.tasks:
                    await asyncio.sleep(END_SECONDS)

    def _connection(self) -> Connection:
        return Connection(self._config, self._state, self._manners)

    async def _date(self) -> None:
        """Keeps the `date` of answers true (RFC 9110 section 6.6.1)."""
        while True:
            self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(DATE_SECONDS)
