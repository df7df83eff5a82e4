"""One request as it goes over the wire, with what is right in its answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from magistrate.v1.authorization_pb2 import BatchCheckRequest, CheckRequest
from magistrate.v1.types_pb2 import Entity, Value

from benchmarks.world import Asked

_PREFIX: Final = 5


@dataclass(frozen=True, slots=True)
class Body:
    """A request: gRPC's framed messages or JSON; who asks, and the answers that are right in their order.

    Of an echo any answer is right that has the request's id; `allowed` is empty then.
    """

    payload: bytes
    token: str
    request_id: str
    allowed: tuple[bool, ...]


def framed(messages: Iterable[bytes]) -> bytes:
    """Messages as gRPC puts them into DATA."""
    return b"".join(b"\0" + len(each).to_bytes(4, "big") + each for each in messages)


def unframed(payload: bytes) -> Iterator[bytes]:
    """The messages of DATA."""
    at = 0
    while at < len(payload):
        size = int.from_bytes(payload[at + 1 : at + _PREFIX], "big")
        yield payload[at + _PREFIX : at + _PREFIX + size]
        at += _PREFIX + size


def check_body(asked: Asked, request_id: str, token: str) -> Body:
    """A Check by whom it is about."""
    return Body(framed([_check(asked, request_id).SerializeToString()]), token, request_id, (asked.is_allowed,))


def batch_body(group: Sequence[Asked], request_id: str, token: str) -> Body:
    """A BatchCheck by whom all of it is about."""
    checks = [_check(asked, f"{request_id}-{number}") for number, asked in enumerate(group)]
    message = BatchCheckRequest(request_id=request_id, checks=checks).SerializeToString()
    return Body(framed([message]), token, request_id, tuple(asked.is_allowed for asked in group))


def stream_body(group: Sequence[Asked], request_id: str, token: str) -> Body:
    """One CheckStream of all the questions, by whom they are about."""
    messages = (_check(asked, f"{request_id}-{number}").SerializeToString() for number, asked in enumerate(group))
    return Body(framed(messages), token, request_id, tuple(asked.is_allowed for asked in group))


def evaluation_body(asked: Asked, request_id: str, token: str) -> Body:
    """An AuthZEN evaluation by whom it is about."""
    said = {
        "subject": {"type": "User", "id": f"u{asked.user}"},
        "action": {"name": asked.action},
        "resource": {"type": "Document", "id": f"d{asked.document}"},
        "context": {"ip": asked.ip},
    }
    return Body(orjson.dumps(said), token, request_id, (asked.is_allowed,))


def _check(asked: Asked, request_id: str) -> CheckRequest:
    return CheckRequest(
        request_id=request_id,
        action=asked.action,
        resource=Entity(type="Document", id=f"d{asked.document}"),
        context={"ip": Value(string_value=asked.ip)},
    )
