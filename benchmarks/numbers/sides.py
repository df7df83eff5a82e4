"""The sides of the numbers: what each server is asked, of the same world."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from benchmarks.cerbos.asking import HTTP, json_body, question_of
from benchmarks.sides.body import Body, batch_body, check_body, evaluation_body, stream_body
from benchmarks.sides.dialect import CHECK, STREAM
from benchmarks.sides.side import Side
from benchmarks.stage import Stage
from benchmarks.world import Asked

OURS: Final = "ours"
ECHO: Final = "bare aio echo"
ECHO_STREAM: Final = "bare aio echo, streams"
CERBOS: Final = "Cerbos, gRPC"
CERBOS_HTTP: Final = "Cerbos, HTTP"
NO_CERBOS: Final = "Cerbos is not here to compare with"


def checks(stage: Stage) -> list[Body]:
    """The single questions, each by whom it is about."""
    return [check_body(asked, f"q{number}", stage.token(asked.user)) for number, asked in enumerate(stage.asked)]


def batches(stage: Stage, groups: Sequence[Sequence[Asked]]) -> list[Body]:
    """Each group as a batch, by whom all of it is about."""
    return [batch_body(group, f"b{number}", stage.token(group[0].user)) for number, group in enumerate(groups)]


def streams(stage: Stage, groups: Sequence[Sequence[Asked]]) -> list[Body]:
    """Each group as a stream, by whom all of it is about."""
    return [stream_body(group, f"s{number}", stage.token(group[0].user)) for number, group in enumerate(groups)]


def evaluations(stage: Stage) -> list[Body]:
    """The single questions as AuthZEN's evaluations, each by whom it is about."""
    return [evaluation_body(asked, f"q{number}", stage.token(asked.user)) for number, asked in enumerate(stage.asked)]


def echo_side(stage: Stage) -> Side:
    """The echo, asked the single questions."""
    bodies = [replace(body, allowed=()) for body in checks(stage)]
    return Side(ECHO, stage.echo.address, CHECK, bodies, [stage.echo.pid])


def echo_stream_side(stage: Stage, groups: Sequence[Sequence[Asked]]) -> Side:
    """The echo, asked each group as a stream."""
    bodies = [replace(body, allowed=()) for body in streams(stage, groups)]
    return Side(ECHO_STREAM, stage.echo.address, STREAM, bodies, [stage.echo.pid], len(groups[0]), in_flight=1)


def find_cerbos_side(stage: Stage, groups: Sequence[Sequence[Asked]]) -> Side | None:
    """Cerbos, asked the groups over gRPC; None where it is not installed."""
    if stage.cerbos is None:
        return None
    messages, world = stage.cerbos_messages, stage.scale.world
    bodies = [
        messages.body(question_of(world, group, f"c{number}"), tuple(asked.is_allowed for asked in group))
        for number, group in enumerate(groups)
    ]
    return Side(CERBOS, stage.cerbos.grpc, messages.dialect(), bodies, [stage.cerbos.pid], len(groups[0]))


def find_cerbos_http_side(stage: Stage) -> Side | None:
    """Cerbos, asked the single questions in JSON; None where it is not installed."""
    if stage.cerbos is None:
        return None
    bodies = [
        json_body(question_of(stage.scale.world, [asked], f"c{number}"), (asked.is_allowed,))
        for number, asked in enumerate(stage.asked)
    ]
    return Side(CERBOS_HTTP, stage.cerbos.http, HTTP, bodies, [stage.cerbos.pid])
