"""What one connection may do: how fast it has to be, how much it may send, how long it lives, and how it ends."""

import gc
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson
import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.doors.http.connection import PIPELINED
from service.http_settings import HttpSettings
from tests.service.doors.http.serving import Door, build_door, evaluation

BODY = orjson.dumps(evaluation())
HEAD = (
    b"POST /access/v1/evaluation HTTP/1.1\r\nHost: pdp.test\r\nAuthorization: Bearer pep\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
)
ASKED = HEAD + b"\r\n" + BODY
FRAMED = HEAD[: HEAD.index(b"Content-Length")]
"""A head that does not say how its body is framed."""
CHUNKED = FRAMED + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
UNKNOWN = HEAD.replace(b"pep", b"nobody") + b"\r\n"
MANNERS = HttpSettings(read_seconds=30, keep_alive_seconds=1, head_bytes=1024, connections=4)
HASTY = MANNERS.model_copy(update={"read_seconds": 0.3})
PATIENT = MANNERS.model_copy(update={"keep_alive_seconds": 30})


@pytest.fixture(scope="module")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door that is soon tired of a connection without a request."""
    with build_door(tmp_path_factory.mktemp("shop"), settings=MANNERS).opened() as door:
        yield door


@pytest.fixture(scope="module")
def shared_hasty_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door that is soon tired of a request without an end, too."""
    with build_door(tmp_path_factory.mktemp("hasty"), settings=HASTY).opened() as door:
        yield door


@pytest.fixture
def hasty_door(shared_hasty_door: Door) -> Door:
    """The same, with nothing recorded yet."""
    shared_hasty_door.recorder.records.clear()
    return shared_hasty_door


def connected(door: Door) -> socket.socket:
    """A connection to the door."""
    url = httpx.URL(door.url)
    return socket.create_connection((url.host, url.port or 0), timeout=10)


def answered(connection: socket.socket) -> bytes:
    """One answer, on a connection that stays open."""
    answer = b""
    while not answer.endswith(b"}}"):
        piece = connection.recv(65536)
        assert piece, f"it has ended: {answer!r}"
        answer += piece
    return answer


def said(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"", b"HTTP/1.1 408 ", id="nothing"),
        pytest.param(b"\r\n", b"HTTP/1.1 408 ", id="an empty line"),
        pytest.param(HEAD, b"HTTP/1.1 408 ", id="a head without an end"),
        pytest.param(HEAD + b"\r\n" + BODY[:-1], b"HTTP/1.1 408 ", id="a body without an end"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * 2048, b"HTTP/1.1 408 ", id="a long piece without an end"),
        pytest.param(HEAD + b"X: " + b"x" * 1024 + b"\r\n\r\n" + BODY, b"HTTP/1.1 431 ", id="a long head"),
        pytest.param(b"GET /?" + b"x" * 1024 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 431 ", id="a long line"),
        pytest.param(b"no HTTP\r\n\r\n", b"HTTP/1.1 400 ", id="no HTTP"),
        pytest.param(ASKED.replace(b"Host: pdp.test\r\n", b""), b"HTTP/1.1 400 ", id="no host"),
        pytest.param(ASKED.replace(b"Host: pdp.test", b"Host: a b"), b"HTTP/1.1 400 ", id="a host that is none"),
        pytest.param(ASKED.replace(b"Host", b"Host: pdp.test\r\nHost"), b"HTTP/1.1 400 ", id="two hosts"),
        pytest.param(
            ASKED.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nHost: a\r\n"), b"HTTP/1.1 400 ", id="two hosts of old"
        ),
    ],
)  # fmt: skip
def test_a_request_that_is_slow_or_long_or_none_ends_its_connection(
    hasty_door: Door, sent: bytes, status: bytes
) -> None:
    connection = connected(hasty_door)
    connection.sendall(sent)

    assert said(connection).startswith(status)
    assert hasty_door.recorder.records == []


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"\r\n", id="a length and chunks"),
        pytest.param(CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n" + CHUNK + b"\r\n", id="chunks and a length"),
        pytest.param(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, id="two lengths"),
        pytest.param(FRAMED + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY, id="a length with a sign"),
        pytest.param(FRAMED + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY, id="a space before the colon"),
        pytest.param(FRAMED + b"Transfer-Encoding: identity\r\n\r\n" + BODY, id="another coding"),
        pytest.param(FRAMED + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNK + b"\r\n", id="chunks not last"),
        pytest.param(CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n", id="a size that is none"),
        pytest.param(HEAD + b"X: a\nY: b\r\n\r\n" + BODY, id="a line feed alone"),
        pytest.param(HEAD + b"X: a\0b\r\n\r\n" + BODY, id="a zero byte"),
    ],
)
def test_a_request_whose_end_could_be_read_in_two_ways_is_refused(door: Door, sent: bytes) -> None:
    connection = connected(door)
    connection.sendall(sent)

    assert said(connection).startswith(b"HTTP/1.1 400 ")
    assert door.recorder.records == []


@pytest.mark.parametrize(
    ("asked", "rest"),
    [pytest.param(ASKED, b"\r\n", id="an empty line"), pytest.param(UNKNOWN, BODY, id="a body that nobody waits for")],
)
def test_what_comes_behind_an_answer_and_is_no_request_does_not_keep_a_connection(
    hasty_door: Door, asked: bytes, rest: bytes
) -> None:
    connection = connected(hasty_door)
    connection.sendall(asked)
    assert connection.recv(65536).startswith(b"HTTP/1.1 ")
    connection.sendall(rest)

    assert said(connection).startswith(b"HTTP/1.1 408 ")


def test_fields_behind_a_body_are_none_of_its_head(door: Door) -> None:
    connection = connected(door)
    credential = b"Authorization: Bearer pep\r\n"
    connection.sendall(CHUNKED.replace(credential, b"") + CHUNK + credential + b"\r\n")

    with connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="its head"),
        pytest.param(CHUNKED + CHUNK, id="the fields behind its body"),
    ],
)
def test_a_request_that_comes_drop_by_drop_is_ended_by_the_length_of(door: Door, begun: bytes) -> None:
    connection = connected(door)
    connection.sendall(begun)
    for _ in range(3):
        time.sleep(0.02)  # so that the pieces are read one by one
        connection.sendall(b"X: " + b"x" * 600 + b"\r\n")

    assert said(connection).startswith(b"HTTP/1.1 431 ")


def test_who_does_not_read_its_last_answer_keeps_no_connection(tmp_path: Path) -> None:
    one = HttpSettings(read_seconds=0.1, connections=1)
    with build_door(tmp_path, settings=one).opened() as full, socket.socket() as connection:
        assert full.listener is not None
        full.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(full.listener.getsockname())
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: pdp.test\r\nConnection: close\r\n\r\n")

        assert is_soon(lambda: full.client.get("/openapi.json").is_success)


def test_a_connection_is_kept_for_the_next_request_and_ends_when_none_comes(door: Door) -> None:
    connection = connected(door)
    for _ in range(2):
        connection.sendall(ASKED)
        assert answered(connection).startswith(b"HTTP/1.1 200 ")

    assert said(connection) == b""


def test_a_request_of_http_1_0_needs_no_host_and_is_the_last_of_its_connection(door: Door) -> None:
    connection = connected(door)
    connection.sendall(ASKED.replace(b"HTTP/1.1\r\nHost: pdp.test", b"HTTP/1.0"))

    answer = said(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer


def test_requests_that_come_at_once_are_answered_in_turn(door: Door) -> None:
    connection = connected(door)
    connection.sendall(ASKED * 3)

    assert said(connection).count(b"HTTP/1.1 200 ") == 3
    assert len(door.recorder.records) == 3


def test_requests_that_are_too_many_at_once_are_not_read_and_the_last_answer_says_so(door: Door) -> None:
    connection = connected(door)
    connection.sendall(ASKED * (PIPELINED + 10))
    answers = said(connection).split(b"HTTP/1.1 200 ")[1:]

    assert [b"connection: close" in answer for answer in answers] == [False] * PIPELINED + [True]
    assert len(door.recorder.records) == PIPELINED + 1


def test_one_connection_too_many_is_told_so(tmp_path: Path) -> None:
    with build_door(tmp_path, settings=PATIENT).opened() as door, ExitStack() as kept:
        others = [kept.enter_context(connected(door)) for _ in range(PATIENT.connections)]
        for other in others:
            other.sendall(ASKED)
            assert answered(other).startswith(b"HTTP/1.1 200 ")

        assert said(connected(door)).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(b"GET /openapi.json HTTP/1.1\r\nHost: pdp.test\r\n\r\n", b"", id="no body"),
        pytest.param(HEAD + b"\r\n", BODY, id="a length"),
        pytest.param(CHUNKED, CHUNK + b"\r\n", id="chunks"),
    ],
)
@pytest.mark.parametrize("is_apart", [False, True], ids=["at once", "in pieces"])
def test_who_asks_for_another_protocol_is_answered_in_this_one(
    door: Door, head: bytes, body: bytes, is_apart: bool
) -> None:
    connection = connected(door)
    asked = head[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\n"
    for piece in (asked, body[:9], body[9:]) if is_apart else (asked + body + ASKED,):
        connection.sendall(piece)
        time.sleep(0.02)  # so that the pieces are read one by one

    answers = said(connection)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 ") == 1
    assert len(door.recorder.records) == bool(body)


def test_every_answer_has_a_date_and_no_word_of_its_server(door: Door) -> None:
    answer = door.post(evaluation())

    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers


def test_what_was_answered_is_let_go_of_without_the_collector(door: Door) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            door.post(evaluation())
        kept = sum(type(each) is RequestResponseCycle for each in gc.get_objects())
    finally:
        gc.enable()

    assert kept <= MANNERS.connections


def test_while_it_leaves_each_answer_ends_its_connection(tmp_path: Path) -> None:
    with build_door(tmp_path).opened() as leaving:
        assert "connection" not in leaving.post(evaluation()).headers
        leaving.leaving.set()
        assert leaving.post(evaluation()).headers["connection"] == "close"


def test_a_request_under_way_is_answered_before_the_door_closes(tmp_path: Path) -> None:
    with build_door(tmp_path).opened() as closing:
        connection = connected(closing)
        connection.sendall(HEAD)
        wait_for(lambda: closing.client.get("/openapi.json").is_success)
        connection.sendall(b"\r\n" + BODY)

    assert said(connection).startswith(b"HTTP/1.1 200 ")


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds."""
    while not condition():
        time.sleep(0.01)


def is_soon(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes to hold."""
    ends = time.monotonic() + 20
    while not (holds := condition()) and time.monotonic() < ends:
        time.sleep(0.01)
    return holds
