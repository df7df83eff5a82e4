"""Bodies that are meant to do harm, or are no bodies: each is refused in words, none is a fault and none is allowed."""

import socket
from collections.abc import Iterator

import httpx
import orjson
import pytest

from policy_lang.types import Json
from service.doors.http.paths import EVALUATION, EVALUATIONS
from tests.hostile import HOSTILE
from tests.service.doors.http.serving import Door, Object, evaluation

WHOLE = orjson.dumps(evaluation())
WRONG: tuple[Json, ...] = (None, True, 0, -1, 1.5, 2**63, 2**64 - 1, "", "text", "a\0b", [], [{}], {}, {"a": {}})
PATHS = (
    ("subject",), ("subject", "type"), ("subject", "id"), ("subject", "properties"), ("action",), ("action", "name"),
    ("action", "properties"), ("resource",), ("resource", "type"), ("resource", "id"), ("resource", "properties"),
    ("context",), ("evaluations",), ("options",), ("options", "evaluations_semantic"),
)  # fmt: skip


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "body: no JSON: ", id="empty"),
        pytest.param(b"{", "body: no JSON: ", id="cut off"),
        pytest.param(b"null", "body: no JSON object", id="null"),
        pytest.param(b'"text"', "body: no JSON object", id="text"),
        pytest.param(b"[]", "body: no JSON object", id="an array"),
        pytest.param(WHOLE + WHOLE, "body: no JSON: ", id="two bodies"),
        pytest.param(b"\xef\xbb\xbf" + WHOLE, "body: no JSON: ", id="a byte order mark"),
        pytest.param(WHOLE.decode().encode("utf-16"), "body: no JSON: ", id="UTF-16"),
        pytest.param(WHOLE.replace(b"o1", b"o\xff"), "body: no JSON: ", id="no UTF-8"),
        pytest.param(WHOLE.replace(b"o1", b"\\ud800"), "body: no JSON: ", id="a lone surrogate"),
        pytest.param(WHOLE.replace(b'"o1"', b"NaN"), "body: no JSON: ", id="NaN"),
        pytest.param(WHOLE.replace(b'"o1"', b"9" * 400), "body: no JSON: ", id="an integer past all bounds"),
        pytest.param(WHOLE.replace(b'"o1"', b"1e999"), "body: no JSON: ", id="a number past all bounds"),
        pytest.param(
            WHOLE.replace(b'"id":"o1"', b'"id":"o1","id":"theirs"'),
            "body: the name `id` stands twice in one object", id="an id twice",
        ),
        pytest.param(
            WHOLE[:-1] + b',"act\\u0069on":{"name":"refund"}}',
            "body: the name `action` stands twice in one object", id="a part twice, once escaped",
        ),
        pytest.param(b"[" * 1000 + b"]" * 1000, "over the limit `depth`: 33 given, 32 allowed", id="deep"),
        pytest.param(
            b'{"a":' * 500 + b"1" + b"}" * 500, "over the limit `depth`: 33 given, 32 allowed", id="deep objects"
        ),
        pytest.param(b"[" * 2000 + b"]" * 2000, "body: no JSON: depth limit exceeded", id="deeper"),
        pytest.param(
            orjson.dumps(evaluation(resource={"type": "Order", "id": "\0"})),
            "resource.id: an id has no control characters", id="an id that ends texts",
        ),
    ],
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused_in_words(door: Door, path: str, body: bytes, said: str) -> None:
    answer = door.post(body, path)

    assert answer.status_code == 400
    assert answer.text.startswith(said)
    assert door.recorder.records == []


def test_values_of_wrong_kinds_in_every_field_are_refused_or_left_out_and_never_a_fault(door: Door) -> None:
    for path in (EVALUATION, EVALUATIONS):
        for message in broken():
            answer = door.post(message, path)
            assert answer.status_code in (200, 400, 403), (message, answer.status_code, answer.text)
            assert answer.status_code == 200 or answer.text


def broken() -> Iterator[Object]:
    """Evaluations with one value in place of one of theirs."""
    for name, *below in PATHS:
        for value in WRONG:
            part = evaluation().get(name, {})
            assert isinstance(part, dict)
            yield {**evaluation(), name: {**part, below[0]: value} if below else value}


@pytest.mark.parametrize("id_", HOSTILE)
def test_hostile_ids_are_data_alone(door: Door, id_: str) -> None:
    answer = door.post(evaluation(resource={"type": "Order", "id": id_}, subject={"type": "User", "id": id_}))

    assert (answer.status_code, answer.json()["decision"]) == (200, False)
    (record,) = door.recorder.records
    assert (record.resource.id, record.principal.id) == (id_, id_)


def test_a_body_over_the_limit_is_status_413(door: Door) -> None:
    answer = door.post(evaluation(context={"long": "x" * 4096}))

    assert answer.status_code == 413
    assert answer.text.startswith("over the limit `message_bytes`: ")
    assert answer.headers["magistrate-reason"] == "LIMIT_EXCEEDED"


def test_a_body_over_the_limit_that_does_not_say_its_length_is_status_413(door: Door) -> None:
    headers = {"Authorization": "Bearer pep", "Content-Type": "application/json"}

    answer = door.client.post(EVALUATION, content=(b"x" * 1024 for _ in range(5)), headers=headers)

    assert (answer.status_code, answer.text) == (413, "over the limit `message_bytes`: 5120 given, 4096 allowed")


@pytest.mark.parametrize(
    ("length", "body", "status"),
    [
        pytest.param(b"8000000", b"x" * 8_000_000, b"HTTP/1.1 413 ", id="a body over the limit, sent to its end"),
        pytest.param(b"%05000d" % len(WHOLE), WHOLE, b"HTTP/1.1 200 ", id="a length that begins with many zeros"),
    ],
)
def test_who_reads_nothing_before_all_is_sent_is_answered(
    door: Door, length: bytes, body: bytes, status: bytes
) -> None:
    url = httpx.URL(door.url)
    head = b"POST /access/v1/evaluation HTTP/1.1\r\nHost: pdp.test\r\nAuthorization: Bearer pep\r\n"

    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall(head + b"Content-Type: application/json\r\nContent-Length: %s\r\n\r\n%s" % (length, body))
        assert connection.recv(65536).startswith(status)


def test_a_body_in_pieces_is_a_body(door: Door) -> None:
    headers = {"Authorization": "Bearer pep", "Content-Type": "application/json"}

    answer = door.client.post(EVALUATION, content=(bytes([each]) for each in WHOLE), headers=headers)

    assert answer.json()["decision"] is True
