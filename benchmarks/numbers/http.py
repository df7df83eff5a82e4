"""P6: AuthZEN evaluations over HTTP, everything on, beside Cerbos over HTTP and over gRPC."""

from typing import Final

from benchmarks.numbers.finding import Finding, Target, cpu_ratio, line_of, rate_ratio
from benchmarks.numbers.sides import NO_CERBOS, evaluations, find_cerbos_http_side, find_cerbos_side
from benchmarks.sides.dialect import EVALUATION
from benchmarks.stage import Stage

_OVER_HTTP: Final = Target(2.0, "× Cerbos' HTTP")
_OVER_GRPC: Final = Target(1.0, "× Cerbos' gRPC")
_WHAT: Final = "AuthZEN evaluation"


def measure(stage: Stage) -> list[Finding]:
    """Both ratios, with as many workers as cores, for Cerbos uses all of them too."""
    ours = stage.all_workers.http_side("ours, HTTP", EVALUATION, evaluations(stage))
    http, grpc = find_cerbos_http_side(stage), find_cerbos_side(stage, [[asked] for asked in stage.asked])
    sides = [ours, *(side for side in (http, grpc) if side)]
    taken = stage.in_turn(sides, stage.scale.rounds, stage.scale.seconds)
    lines = [line_of(each) for each in taken]
    if len(taken) == 1:
        return [
            Finding("P6", _WHAT, _OVER_HTTP, None, lines, NO_CERBOS),
            Finding("P6", _WHAT, _OVER_GRPC, None, (), NO_CERBOS),
        ]
    own, over_http, over_grpc = taken
    return [
        Finding("P6", _WHAT, _OVER_HTTP, rate_ratio(own, over_http), lines, _by_cpu(cpu_ratio(own, over_http))),
        Finding("P6", _WHAT, _OVER_GRPC, rate_ratio(own, over_grpc), (), _by_cpu(cpu_ratio(own, over_grpc))),
    ]


def _by_cpu(ratio: float) -> str:
    return f"{ratio:.2f} by CPU time of the servers"
