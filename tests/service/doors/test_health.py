"""Health over a real channel: what is told to whom, who cannot hold it up, and what strangers' bytes come to."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from structlog.testing import capture_logs

from service.config import Limits
from service.doors.grpc.health import HEALTH
from service.doors.grpc.server import SERVICE, GrpcDoor
from tests.service.doors.talking import Talk, let_in

SERVING: Final = HealthCheckResponse.SERVING
NOT_SERVING: Final = HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN: Final = HealthCheckResponse.SERVICE_UNKNOWN
PATIENCE = 20.0
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
WATCH = "/grpc.health.v1.Health/Watch"
STANDARD = (
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    WATCH,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)


def test_who_reads_nothing_keeps_a_change_from_nobody_else() -> None:
    async def watch() -> list[int]:
        async with opened() as (door, port), asyncio.timeout(PATIENCE), channel_to(port) as channel:
            unread = await begin_unread_watch(port)
            watching = watch_of(channel, SERVICE)
            said = [(await anext(watching)).status]
            door.say(is_serving=False)
            said.append((await anext(watching)).status)
            unread.close()
            return said

    assert asyncio.run(watch()) == [SERVING, NOT_SERVING]


def test_who_reads_nothing_does_not_keep_the_door_open_beyond_its_grace() -> None:
    async def close() -> None:
        async with asyncio.timeout(PATIENCE), opened() as (door, port):
            unread = await begin_unread_watch(port)
            await door.close(0.05)
            unread.close()

    asyncio.run(close())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param(SERVICE, [SERVING, NOT_SERVING], id="the service"),
        pytest.param("", [SERVING, NOT_SERVING], id="the process"),
        pytest.param("no.such.Service", [SERVICE_UNKNOWN], id="unknown"),
    ],
)
def test_a_watch_ends_with_the_door_once_it_was_told_so(name: str, said: list[int]) -> None:
    async def watch() -> list[int]:
        async with opened() as (door, port), asyncio.timeout(PATIENCE), channel_to(port) as channel:
            watching = watch_of(channel, name)
            heard = [(await anext(watching)).status]
            closing = asyncio.create_task(door.close(2 * PATIENCE))
            heard += [answer.status async for answer in watching]
            await closing
            return heard

    assert asyncio.run(watch()) == said


def test_a_service_that_is_not_to_be_asked_is_told_apart_from_its_process() -> None:
    async def ask() -> tuple[list[int], object]:
        async with opened() as (door, port), asyncio.timeout(PATIENCE), channel_to(port) as channel:
            door.say(is_serving=False)
            raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/List")
            listed = GetMessageClass(HEALTH.methods_by_name["List"].output_type).FromString(await raw(b""))
            return [await check(channel, ""), await check(channel, SERVICE)], MessageToDict(listed)

    listed = {"": {"status": "SERVING"}, SERVICE: {"status": "NOT_SERVING"}}
    assert asyncio.run(ask()) == ([SERVING, NOT_SERVING], {"statuses": listed})


def test_a_check_of_a_service_that_is_not_there_is_not_found() -> None:
    async def ask() -> grpc.StatusCode:
        async with opened() as (_, port), asyncio.timeout(PATIENCE), channel_to(port) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await check(channel, "no.such.Service")
            return refused.value.code()

    assert asyncio.run(ask()) is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("method", STANDARD)
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param(b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, id="no message"),
        pytest.param(b"\x0a\x88\x27" + b"a" * 5000, grpc.StatusCode.RESOURCE_EXHAUSTED, id="too long"),
    ],
)
def test_bytes_of_strangers_end_their_call_and_leave_nothing_in_the_log(
    talk: Talk, caplog: pytest.LogCaptureFixture, *, method: str, payload: bytes, code: grpc.StatusCode
) -> None:
    def ask(channel: grpc.Channel) -> grpc.StatusCode:
        raw: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
        with pytest.raises(grpc.RpcError) as refused:
            list(raw(iter([payload]), timeout=PATIENCE))
        assert isinstance(refused.value, grpc.Call)
        return refused.value.code()

    with capture_logs() as lines:
        assert talk(ask) is code
    assert (caplog.records, lines) == ([], [])


def test_who_goes_away_unread_leaves_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def go_away() -> None:
        async with opened() as (_, port), asyncio.timeout(PATIENCE):
            idle = len(asyncio.all_tasks())
            unread = await begin_unread_watch(port)
            unread.close()
            while len(asyncio.all_tasks()) > idle:
                await asyncio.sleep(0.001)

    asyncio.run(go_away())
    assert caplog.records == []


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[GrpcDoor, int]]:
    """A door with nothing but what every door has, and its port."""
    door = GrpcDoor([], Limits(), verify=let_in)
    port = await door.open("127.0.0.1:0")
    try:
        yield door, port
    finally:
        await door.close(0)


def channel_to(port: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}")


async def check(channel: grpc.aio.Channel, name: str) -> int:
    call: grpc.aio.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse] = channel.unary_unary(
        "/grpc.health.v1.Health/Check", HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
    )
    return (await call(HealthCheckRequest(service=name))).status


def watch_of(channel: grpc.aio.Channel, name: str) -> AsyncIterator[HealthCheckResponse]:
    call: grpc.aio.UnaryStreamMultiCallable[HealthCheckRequest, HealthCheckResponse] = channel.unary_stream(
        WATCH, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
    )
    return aiter(call(HealthCheckRequest(service=name)))


async def begin_unread_watch(port: int) -> asyncio.StreamWriter:
    """A watch whose caller leaves no room for what it is told (RFC 9113, 6.9.2), when its answer has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    no_room = struct.pack(">HI", 4, 0)
    fields = {":method": "POST", ":scheme": "http", ":path": WATCH, ":authority": "x", "te": "trailers"}
    headers = b"".join(map(literal, (*fields.items(), ("content-type", "application/grpc"))))
    asked = HealthCheckRequest(service=SERVICE).SerializeToString()
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, no_room))
    writer.write(frame(HEADERS, END_HEADERS, 1, headers))
    writer.write(frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(asked)) + asked))
    while True:
        start = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(start[:3], "big"))
        if start[3] == HEADERS:
            return writer


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, 4.1."""
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def literal(field: tuple[str, str]) -> bytes:
    """A header field as it is (RFC 7541, 6.2.2), of short strings."""
    return b"\0" + b"".join(bytes([len(each)]) + each.encode() for each in field)
