"""P3: unary gRPC Check, everything on, beside a bare `grpc.aio` echo, and what single settings cost."""

from collections.abc import Mapping
from typing import Final

from benchmarks.numbers.finding import Finding, Target, cpu_ratio, line_of, rate_ratio
from benchmarks.numbers.sides import OURS, checks, echo_side
from benchmarks.sides.dialect import CHECK
from benchmarks.sides.side import Rounds
from benchmarks.stage import Stage

TARGET: Final = Target(0.85, "× echo")
VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "ours, every fact read": {"cache_entries": "0"},
    "ours, on the disk before the answer": {"spool__durability": "disk"},
}


def measure(stage: Stage) -> list[Finding]:
    """The ratio, and the sides."""
    scale = stage.scale
    sides = [echo_side(stage), stage.one_worker.side(OURS, CHECK, checks(stage))]
    echo, ours = stage.in_turn(sides, scale.rounds, scale.seconds)
    variants = () if scale.is_quick else VARIANTS
    lines = [line_of(echo), line_of(ours), *(line_of(_variant(stage, name)) for name in variants)]
    remark = f"{cpu_ratio(ours, echo):.2f} by CPU time of the server"
    return [Finding("P3", "unary Check, everything on", TARGET, rate_ratio(ours, echo), lines, remark)]


def _variant(stage: Stage, name: str) -> Rounds:
    with stage.service(**VARIANTS[name]) as service:
        (taken,) = stage.in_turn([service.side(name, CHECK, checks(stage))], 1, stage.scale.seconds)
    return taken
