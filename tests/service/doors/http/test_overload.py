"""More requests than a worker may have under way: the rest is answered at once, and what is under way to its end."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from service.doors.calls import HTTP
from service.doors.http.listening import listen
from service.doors.http.pages import json_page
from service.doors.http.server import HttpDoor
from service.doors.http.whole import Answered
from service.doors.sockets import BACKLOG
from service.http_settings import HttpSettings
from service.samples import Samples

MOST: Final = 3
SECONDS: Final = 20.0


class Held:
    """An application whose answers wait until they may go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with nothing."""
        self.count += 1
        self.begun.release()
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


def with_door(converse: Callable[[Held, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def serve() -> None:
        held = Held()
        door = HttpDoor(held, HttpSettings(requests=MOST), at_once={}, max_connection_age=300, is_leaving=lambda: False)
        listeners = listen("127.0.0.1:0")
        await door.open(listeners)
        url = f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client:
                await converse(held, client)
        finally:
            await door.close(1)

    asyncio.run(serve())


def shed_so_far() -> float:
    """How many requests this process has counted as shed."""
    samples = Samples()
    HTTP.tell(samples)
    return samples.counters.get(("magistrate_calls", (("call", "shed"), ("door", "http"), ("status", "503"))), 0)


def test_what_is_too_much_is_shed_before_anything_is_done_and_the_rest_is_answered() -> None:
    async def converse(held: Held, client: httpx.AsyncClient) -> None:
        under_way = [asyncio.create_task(client.post("/", content=b"{}")) for _ in range(MOST)]
        for _ in range(MOST):
            await asyncio.wait_for(held.begun.acquire(), SECONDS)
        before = shed_so_far()

        shed = [await client.post("/", content=b"{}", headers={"X-Request-ID": f"r{at}"}) for at in range(5)]

        assert [(each.status_code, each.headers["retry-after"], each.content) for each in shed] == [(503, "1", b"")] * 5
        assert [each.headers["x-request-id"] for each in shed] == [f"r{at}" for at in range(5)]
        assert held.count == MOST
        assert shed_so_far() - before == len(shed)
        held.go.set()
        assert [(await each).status_code for each in under_way] == [200] * MOST
        assert (await client.post("/", content=b"{}")).status_code == 200

    with_door(converse)


def test_a_connection_on_which_was_shed_is_good_for_the_next_request() -> None:
    async def converse(held: Held, client: httpx.AsyncClient) -> None:
        under_way = [asyncio.create_task(client.post("/", content=b"{}")) for _ in range(MOST)]
        for _ in range(MOST):
            await asyncio.wait_for(held.begun.acquire(), SECONDS)
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        request = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"

        writer.write(request)
        refused = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        held.go.set()
        await asyncio.gather(*under_way)
        writer.write(request)
        answered = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        writer.close()

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert answered.startswith(b"HTTP/1.1 200 ")

    with_door(converse)


def test_what_is_answered_at_once_is_shed_too_where_too_much_of_it_is_read_in_one_turn() -> None:
    request = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"

    def at_once(scope: Scope, receive: Receive, body: bytes) -> Answered | ASGIApp:
        return Answered(json_page({}), b"r1")

    async def status_of(reader: asyncio.StreamReader) -> bytes:
        return (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)).partition(b"\r\n")[0]

    async def converse() -> list[bytes]:
        settings = HttpSettings(requests=MOST)
        door = HttpDoor(Held(), settings, at_once={"/": at_once}, max_connection_age=300, is_leaving=lambda: False)
        listeners = listen("127.0.0.1:0")
        await door.open(listeners)
        opened = [await asyncio.open_connection(*listeners[0].getsockname()) for _ in range(MOST + 2)]
        for reader, writer in opened:
            writer.write(request)
            assert await status_of(reader) == b"HTTP/1.1 200 OK"
            await reader.readexactly(2)
        for _, writer in opened:
            writer.write(request)  # to the socket at once: all of them are there when the loop looks next
        statuses = [await status_of(reader) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
        await door.close(1)
        return statuses

    shed = b"HTTP/1.1 503 Service Unavailable"
    assert sorted(asyncio.run(converse())) == [b"HTTP/1.1 200 OK"] * MOST + [shed] * 2


def test_as_many_connections_may_wait_as_the_listener_was_opened_for() -> None:
    async def waiting() -> int:
        door = HttpDoor(Held(), HttpSettings(), at_once={}, max_connection_age=300, is_leaving=lambda: False)
        (listener,) = listen("127.0.0.1:0")
        await door.open([listener])
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        await door.close(0)
        return int(struct.unpack_from("I", told, 28)[0])  # tcpi_sacked, which is the backlog of a listener

    most = int(Path("/proc/sys/net/core/somaxconn").read_text())
    assert asyncio.run(waiting()) == min(BACKLOG, most)
