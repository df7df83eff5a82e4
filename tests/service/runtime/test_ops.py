"""The ops port answers its paths and nothing else, and one that is taken is refused."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from service.errors import ConfigError
from service.runtime.address import Address
from service.runtime.ops import HEAD_BYTES, Page, open_ops

WANTED = Address("127.0.0.1", 0)
ROUTES: dict[str, Callable[[str], Page]] = {
    "/healthz": lambda _: Page(HTTPStatus.OK, b"ok\n"),
    "/accepted": lambda accept: Page(HTTPStatus.OK, accept.encode()),
    "/readyz": lambda _: Page(HTTPStatus.SERVICE_UNAVAILABLE, b"the service is draining\n"),
}


async def ask(at: Address, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(at.host, at.port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:  # it closed before it had read all
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("line", "status", "body"),
    [
        ("GET /healthz", "200 OK", "ok\n"),
        ("GET /healthz?full=1", "200 OK", "ok\n"),
        ("HEAD /healthz", "200 OK", ""),
        ("GET /readyz", "503 Service Unavailable", "the service is draining\n"),
        ("GET /secrets", "404 Not Found", "there are /healthz, /accepted, /readyz\n"),
        ("POST /healthz", "405 Method Not Allowed", "only GET is answered\n"),
        ("", "405 Method Not Allowed", "only GET is answered\n"),
    ],
)
def test_a_path_is_answered(line: str, status: str, body: str) -> None:
    async def scenario() -> bytes:
        async with open_ops(WANTED, ROUTES) as at:
            return await ask(at, f"{line} HTTP/1.1\r\nHost: here\r\n\r\n".encode())

    head, _, said = asyncio.run(scenario()).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}\r\n")
    assert "Connection: close" in head
    assert said == body


def test_a_page_is_told_what_the_caller_accepts() -> None:
    async def scenario() -> bytes:
        async with open_ops(WANTED, ROUTES) as at:
            return await ask(at, b"GET /accepted HTTP/1.1\r\nHost: here\r\nACCEPT: a/b;q=0.5\r\naccept: c/d\r\n\r\n")

    assert asyncio.run(scenario()).endswith(b"\r\n\r\na/b;q=0.5, c/d")


def test_a_head_without_end_is_closed_unanswered() -> None:
    async def scenario() -> bytes:
        async with open_ops(WANTED, ROUTES) as at:
            return await ask(at, b"GET / HTTP/1.1\r\nX: " + b"x" * 2 * HEAD_BYTES)

    assert asyncio.run(scenario()) == b""


def test_who_does_not_read_its_answer_keeps_no_connection() -> None:
    def open_files() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    async def scenario() -> None:
        page = Page(HTTPStatus.OK, b"x" * 8_000_000)
        async with open_ops(WANTED, {"/much": lambda _: page}, seconds=0.1) as at:
            before = open_files()
            _, writer = await asyncio.open_connection(at.host, at.port, limit=1)
            writer.write(b"GET /much HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(20):
                while open_files() < before + 2:
                    await asyncio.sleep(0)
                while open_files() > before + 1:
                    await asyncio.sleep(0.01)
            writer.close()

    asyncio.run(scenario())


def test_an_address_that_is_taken_is_refused() -> None:
    async def scenario() -> None:
        async with open_ops(WANTED, ROUTES) as at:
            with pytest.raises(ConfigError, match="--ops"):
                async with open_ops(at, ROUTES):
                    raise AssertionError("two have it")

    asyncio.run(scenario())
