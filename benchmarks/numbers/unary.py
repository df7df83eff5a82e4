"""P3: unary gRPC Check, everything on, beside a bare `grpc.aio` echo, and what single settings cost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from benchmarks.numbers.finding import Finding, Target, cpu_ratio, line_of, rate_ratio
from benchmarks.sides.body import Body, check_body
from benchmarks.sides.dialect import CHECK
from benchmarks.sides.side import Rounds, Side
from benchmarks.stage import Stage

TARGET: Final = Target(0.85, "× echo")
OURS: Final = "ours"
ECHO: Final = "bare aio echo"
VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "ours, every fact read": {"cache_entries": "0"},
    "ours, on the disk before the answer": {"spool__durability": "disk"},
}


def measure(stage: Stage) -> list[Finding]:
    """The ratio, and the sides."""
    scale = stage.scale
    with stage.service() as service:
        sides = [echo_side(stage), service.side(OURS, CHECK, checks(stage))]
        echo, ours = stage.in_turn(sides, scale.rounds, scale.seconds)
    variants = VARIANTS if scale.has_variants else ()
    lines = [line_of(echo), line_of(ours), *(line_of(_variant(stage, name)) for name in variants)]
    by_cpu = cpu_ratio(ours, echo)
    remark = f"{by_cpu:.2f} by CPU time of the server"
    return [Finding("P3", "unary Check, everything on", TARGET, rate_ratio(ours, echo), lines, remark)]


def checks(stage: Stage) -> list[Body]:
    """The single questions, each by whom it is about."""
    return [check_body(asked, f"q{number}", stage.token(asked.user)) for number, asked in enumerate(stage.asked)]


def echo_side(stage: Stage) -> Side:
    """The echo, asked the same."""
    bodies = [replace(body, allowed=()) for body in checks(stage)]
    return Side(ECHO, stage.echo.address, CHECK, bodies, [stage.echo.pid])


def _variant(stage: Stage, name: str) -> Rounds:
    with stage.service(**VARIANTS[name]) as service:
        (taken,) = stage.in_turn([service.side(name, CHECK, checks(stage))], 1, stage.scale.seconds)
    return taken
