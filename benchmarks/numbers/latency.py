"""P7: the latency of unary checks at fixed rates, beside Cerbos and the echo."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from benchmarks.arrivals import Seen, offer
from benchmarks.numbers.finding import Finding, Line, Target
from benchmarks.numbers.sides import CERBOS, NO_CERBOS, checks, echo_side, find_cerbos_side
from benchmarks.sides.dialect import CHECK
from benchmarks.sides.side import Side
from benchmarks.stage import Stage

ONE: Final = "ours, one worker"
ALL: Final = "ours, a worker a core"
_TARGET: Final = Target(1.0, "× Cerbos", is_most=True)


def measure(stage: Stage) -> list[Finding]:
    """The 99th percentile of ours in that of Cerbos, at each rate."""
    bodies = checks(stage)
    cerbos = find_cerbos_side(stage, [[asked] for asked in stage.asked])
    sides = [
        echo_side(stage),
        *([cerbos] if cerbos else []),
        stage.one_worker.side(ONE, CHECK, bodies),
        stage.all_workers.side(ALL, CHECK, bodies),
    ]
    for side in sides if stage.scale.warm else ():
        _offer(stage, side, stage.scale.rates[0], stage.scale.warm)
    findings = []
    for rate in stage.scale.rates:
        taken: dict[str, list[Seen]] = {side.name: [] for side in sides}
        for _ in range(stage.scale.latency_rounds):
            for side in sides:
                taken[side.name].append(_offer(stage, side, rate, stage.scale.seconds))
        findings += _findings(rate, taken)
    return findings


def _offer(stage: Stage, side: Side, rate: int, seconds: float) -> Seen:
    seen = offer(side, rate, seconds, stage.folder)
    side.settle()
    return seen


def _findings(rate: int, taken: Mapping[str, Sequence[Seen]]) -> list[Finding]:
    lines = [_line(name, each) for name, each in taken.items()]
    findings = []
    for name in (ONE, ALL):
        what = f"p99 at {rate:,} checks/s, {name}"
        ratio = _ratio(taken[name], taken[CERBOS]) if CERBOS in taken else None
        remark = _refused(taken[name]) if CERBOS in taken else NO_CERBOS
        findings.append(Finding("P7", what, _TARGET, ratio, lines, remark))
        lines = []  # they stand under the first
    return findings


def _ratio(ours: Sequence[Seen], theirs: Sequence[Seen]) -> float:
    return median(_p99_of_all(own) / _p99_of_all(other) for own, other in zip(ours, theirs, strict=True))


def _p99_of_all(seen: Seen) -> float:
    """Where one call in a hundred got no answer, the whole round: refusing is no way to be quick."""
    return seen.seconds * 1e3 if _is_overrun(seen) else seen.p99


def _is_overrun(seen: Seen) -> bool:
    return sum(seen.shed.values()) >= seen.offered / 100


def _refused(taken: Sequence[Seen]) -> str:
    """What the ratio means where a round was more than could be answered."""
    if not any(map(_is_overrun, taken)):
        return ""
    share = sum(sum(each.shed.values()) for each in taken) / sum(each.offered for each in taken)
    return f"{share:.0%} were not answered: such a call counts as one that took the whole round"


def _line(name: str, taken: Sequence[Seen]) -> Line:
    figures = {
        "p50 ms": median(each.p50 for each in taken),
        "p99 ms": median(each.p99 for each in taken),
        "p99.9 ms": median(each.p999 for each in taken),
        "not answered": sum(sum(each.shed.values()) for each in taken),
    }
    return Line(name, figures)
