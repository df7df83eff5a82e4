"""P5: CheckStream beside our own unary Check, and beside what a bare echo makes of the same streams."""

from dataclasses import replace
from typing import Final

from benchmarks.numbers.finding import Finding, Target, cpu_ratio, line_of, rate_ratio
from benchmarks.numbers.sides import checks, echo_stream_side, streams
from benchmarks.sides.dialect import CHECK, STREAM
from benchmarks.sides.side import REPEATED
from benchmarks.stage import Stage

STREAMED: Final = "ours, streams"
_TARGET: Final = Target(3.0, "× our unary")


def measure(stage: Stage) -> list[Finding]:
    """The ratio, with one worker."""
    scale, service = stage.scale, stage.one_worker
    groups = scale.world.groups(REPEATED, scale.stream)
    sides = [
        service.side("ours, unary", CHECK, checks(stage)),
        replace(service.side(STREAMED, STREAM, streams(stage, groups), scale.stream), in_flight=1),
        echo_stream_side(stage, groups),
    ]
    unary, stream, echo = stage.in_turn(sides, scale.rounds, scale.seconds)
    remark = (
        f"streams of {scale.stream}; {cpu_ratio(stream, unary):.2f} by CPU time of the server, "
        f"of which a bare echo of streams would be {cpu_ratio(echo, unary):.2f}"
    )
    return [
        Finding(
            "P5", "CheckStream", _TARGET, rate_ratio(stream, unary), list(map(line_of, (unary, stream, echo))), remark
        )
    ]
