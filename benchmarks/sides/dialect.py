"""How a side is asked: where over the wire, and how its answers are judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from magistrate.v1.authorization_pb2 import (
    EFFECT_ALLOW,
    EFFECT_DENY,
    BatchCheckResponse,
    CheckResponse,
    CheckStreamResponse,
)

from benchmarks.sides.body import Body, unframed


@dataclass(frozen=True, slots=True)
class Dialect:
    """A path, whether gRPC or plain HTTP with JSON, and what raises AssertionError of a wrong answer."""

    path: str
    is_grpc: bool
    judge: Callable[[Body, bytes], None]

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What every request says."""
        if self.is_grpc:
            return (("content-type", "application/grpc"), ("te", "trailers"))
        return (("content-type", "application/json"),)


def compare(body: Body, request_id: str, allowed: tuple[bool, ...]) -> None:
    """Raises AssertionError unless these are the request's own answers."""
    assert request_id == body.request_id, f"asked {body.request_id}, answered {request_id}"
    assert not body.allowed or allowed == body.allowed, f"{request_id}: answered {allowed}, right is {body.allowed}"


def _judge_check(body: Body, answered: bytes) -> None:
    (message,) = unframed(answered)
    answer = CheckResponse.FromString(message)
    compare(body, answer.request_id, (_is_allowed(answer),))


def _judge_batch(body: Body, answered: bytes) -> None:
    (message,) = unframed(answered)
    answer = BatchCheckResponse.FromString(message)
    compare(body, answer.request_id, tuple(_is_allowed(each.response) for each in answer.results))


def _judge_stream(body: Body, answered: bytes) -> None:
    answers = {each.request_id: each.response for each in map(CheckStreamResponse.FromString, unframed(answered))}
    in_order = (answers[f"{body.request_id}-{number}"] for number in range(len(answers)))
    compare(body, body.request_id, tuple(map(_is_allowed, in_order)))


def _judge_evaluation(body: Body, answered: bytes) -> None:
    decision = orjson.loads(answered)["decision"]
    assert decision is body.allowed[0], f"{body.request_id}: answered {decision}, right is {body.allowed[0]}"


def _is_allowed(answer: CheckResponse) -> bool:
    assert answer.effect in (EFFECT_ALLOW, EFFECT_DENY), f"{answer.request_id} has no answer"
    return answer.effect == EFFECT_ALLOW


_SERVICE: Final = "/magistrate.v1.AuthorizationService"
CHECK: Final = Dialect(f"{_SERVICE}/Check", True, _judge_check)
BATCH: Final = Dialect(f"{_SERVICE}/BatchCheck", True, _judge_batch)
STREAM: Final = Dialect(f"{_SERVICE}/CheckStream", True, _judge_stream)
EVALUATION: Final = Dialect("/access/v1/evaluation", False, _judge_evaluation)
"""AuthZEN 1.0."""
OURS: Final[Mapping[str, Dialect]] = {each.path: each for each in (CHECK, BATCH, STREAM, EVALUATION)}
