"""Twice as many calls as a worker can answer: how many it answers still, how fast, and how the others are refused.

    python -m benchmarks.overload [--quick] [--write]

The service has one core and the load the other, so that neither slows the other down. First the capacity, by calls that
each wait for an answer; then calls that arrive at random moments, whatever the answers take: four fifths of the
capacity, twice the capacity, and the same where nothing is shed. It says what misses its target, and ends with 0 all
the same, as `make bench` does. `--write` keeps the text in benchmarks/results.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.arrivals import CONNECTIONS, Seen, offer
from benchmarks.load import drive, driver
from benchmarks.numbers.finding import Target
from benchmarks.numbers.sides import checks
from benchmarks.report import RESULTS, VERDICTS, machine, versions
from benchmarks.scale import FULL, QUICK
from benchmarks.sides.dialect import CHECK
from benchmarks.sides.side import Round, Side
from benchmarks.stage import Stage
from service.config import Limits

GOODPUT: Final = Target(0.9, "of the capacity")
P99: Final = Target(50.0, "ms", is_most=True)
UNSHED: Final = "10000"
"""Calls that may wait where nothing is to be shed."""


@dataclass(frozen=True, slots=True)
class Load:
    """How often each load is put on, and for how many seconds; whether it is shown, too, what shedding spares."""

    rounds: int
    seconds: float
    has_contrast: bool


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and keeps the text where that is asked."""
    is_quick = "--quick" in arguments
    load = Load(1, 0.5, has_contrast=False) if is_quick else Load(5, 8.0, has_contrast=True)
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name,
        Stage(QUICK if is_quick else FULL, Path(name)) as stage,
    ):
        said = [*_heading(arguments, stage), *_measure(stage, load)]
    print("\n".join(said))
    if "--write" in arguments:
        (RESULTS / "overload.txt").write_text("\n".join(said) + "\n")


def _heading(arguments: Sequence[str], stage: Stage) -> Iterator[str]:
    (ours, theirs), world = _cores(), stage.scale.world
    yield " ".join(("overload  python -m benchmarks.overload", *arguments))
    yield f"    {machine()}; {', '.join(f'{name} {which}' for name, which in versions().items())}"
    yield (
        f"    one worker with its supervisor and its shipper on core {ours}, the load on core {theirs}; "
        f"limits.pending_requests {Limits().pending_requests}"
    )
    yield (
        f"    unary Check, everything on: {world.users:,} principals × {world.documents:,} resources, "
        "every answer judged"
    )
    yield f"    the capacity by {driver()};"
    yield f"    the rest by arrivals at random over {CONNECTIONS} connections, a call's time from when it was due"


def _measure(stage: Stage, load: Load) -> Iterator[str]:
    with _side(stage) as side:
        capacities = [_capacity(stage, side, load) for _ in range(load.rounds)]
        rates, cpu = [each.rate for each in capacities], median(each.cpu for each in capacities)
        capacity = median(rates)
        yield (
            f"    capacity {capacity:,.0f} calls/s, {min(rates):,.0f} to {max(rates):,.0f} in {load.rounds} rounds; "
            f"CPU of the worker {cpu:.0f} µs a call"
        )
        yield from _told("0.8 × capacity", capacity, [_offer(stage, side, 0.8 * capacity, load)])
        doubled = [_offer(stage, side, 2 * capacity, load) for _ in range(load.rounds)]
    yield from _told("2 × capacity", capacity, doubled)
    refusing = median(_refusing(seen, cpu) for seen in doubled)
    yield f"    a call that is shed took {refusing:.0f} µs of the worker's CPU"
    if load.has_contrast:
        with _side(stage, limits__pending_requests=UNSHED) as side:
            _capacity(stage, side, load)  # which brings tokens and facts into its memory
            unshed = _offer(stage, side, 2 * capacity, load)
        yield from _told("2 ×, none shed", capacity, [unshed])
    goodput = median(each.served / each.took for each in doubled) / capacity
    p99 = median(each.p99 for each in doubled)
    for what, target, measured in (("goodput", GOODPUT, goodput), ("p99 of the served", P99, p99)):
        verdict = VERDICTS[target.is_met_by(measured)]
        yield f"    at 2 × capacity: {what} {measured:.2f} {target.unit} (target {target}): {verdict}"


def _told(name: str, capacity: float, runs: Sequence[Seen]) -> Iterator[str]:
    for seen in runs:
        offered, served = seen.offered / seen.seconds, seen.served / seen.took
        shed = ", ".join(f"{count:,} {how}" for how, count in seen.shed.items()) or "none"
        yield (
            f"    {name:15} offered {offered:6,.0f}/s   served {served:6,.0f}/s = {served / capacity:.2f}"
            f"   p50 {seen.p50:6.1f}   p99 {seen.p99:6.1f}   p99.9 {seen.p999:6.1f} ms   shed {shed}"
        )
        yield (
            f"    {'':15} CPU of the worker {seen.cpu:.0f} µs a call served;"
            f" the load took {seen.busy:.0%} of its core, and was {seen.late:.1f} ms late at its p99"
        )


def _refusing(seen: Seen, answering: float) -> float:
    """The µs of CPU that a shed call took, where one that is answered takes so many."""
    return (seen.cpu - answering) * seen.served / max(1, sum(seen.shed.values()))


@contextmanager
def _side(stage: Stage, **settings: str) -> Iterator[Side]:
    """A service with all its processes on its own core, and this one, and what it starts later, on the other."""
    ours, theirs = _cores()
    os.sched_setaffinity(0, {ours})
    try:
        with stage.service(**settings) as service:
            os.sched_setaffinity(0, {theirs})
            yield service.side("ours", CHECK, checks(stage))
    finally:
        os.sched_setaffinity(0, {ours, theirs})


def _cores() -> tuple[int, int]:
    """A core for the service and one for the load, the same one where there is no other."""
    cores = sorted(os.sched_getaffinity(os.getppid()))
    return cores[0], cores[-1]


def _capacity(stage: Stage, side: Side, load: Load) -> Round:
    taken = drive(side, load.seconds, stage.folder)
    side.settle()
    return taken


def _offer(stage: Stage, side: Side, rate: float, load: Load) -> Seen:
    seen = offer(side, rate, load.seconds, stage.folder)
    side.settle()
    return seen


if __name__ == "__main__":
    main(sys.argv[1:])
