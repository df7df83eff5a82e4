"""What a soak came to, in lines for a person, and what of it is not as it must be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.report import machine, versions
from benchmarks.soaking.changes import Changed
from benchmarks.soaking.latencies import Summary
from benchmarks.soaking.watch import SETTLING, Watched

JUDGED_SECONDS: Final = 120.0
"""Memory of a shorter run is not judged: caches still fill."""
POINTS: Final = 7
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that was measured; `busy` is how many cores the service took."""

    seconds: float
    capacity: float
    rates: Mapping[str, float]
    doors: Mapping[str, Summary]
    changed: Changed
    processes: Sequence[Watched]
    spooled: Sequence[int]
    busy: float


def faults_of(outcome: Outcome) -> list[str]:
    """What must not be, in words; none is the proof."""
    faults = list(outcome.changed.faults)
    for door, summary in outcome.doors.items():
        faults += [f"{door}: {times} calls failed, {how}" for how, times in summary.failed.items()]
        faults += [f"{door}: {summary.wrong} wrong answers"] if summary.wrong else []
    if not all((outcome.changed.policies, outcome.changed.writes, outcome.changed.revocations)):
        faults.append("something was never changed")
    if outcome.seconds >= JUDGED_SECONDS:
        faults += [f"{each.name} grows" for each in outcome.processes if not each.is_flat]
        faults += [f"{each.name} keeps files open" for each in outcome.processes if each.keeps_files]
        faults += _spool_faults(outcome.spooled)
    return faults


def _spool_faults(spooled: Sequence[int]) -> list[str]:
    """The record is shipped as fast as it comes where nothing waited at some time in the last quarter."""
    return [] if min(spooled[-len(spooled) // 4 :]) < _MIB else ["the spool is not shipped as fast as it grows"]


def lines_of(outcome: Outcome) -> list[str]:
    """The outcome as a person reads it."""
    return list(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    changed = outcome.changed
    yield f"soak  SOAK_SECONDS={outcome.seconds:.0f} make soak; {machine()}"
    yield f"    {', '.join(f'{name} {which}' for name, which in versions().items())}"
    yield f"    it answers {outcome.capacity:,.0f} unary checks a second; under this load it took {outcome.busy:.2f}"
    yield "    cores, and the load had the same machine"
    for door, seen in outcome.doors.items():
        yield (
            f"    {door:18} {seen.calls:10,} calls, {outcome.rates[door]:6,.0f}/s   p50 {seen.p50:6.2f} ms"
            f"   p99 {seen.p99:7.2f} ms   p99.9 {seen.p999:7.2f} ms   most {seen.most:7.1f} ms"
            f"   failed {sum(seen.failed.values())}, wrong {seen.wrong}"
        )
    yield (
        f"    meanwhile policies changed {changed.policies} times, facts {changed.writes:,} times,"
        f" and {changed.revocations} tokens were revoked; each came to count"
    )
    yield f"    memory over time, MiB; growth by least squares after {SETTLING:.0%} of the time"
    for each in outcome.processes:
        points = [each.samples[(len(each.samples) - 1) * at // (POINTS - 1)] for at in range(POINTS)]
        memory = " ".join(f"{point.memory / _MIB:6.1f}" for point in points)
        files = f"{each.settled[0].files} then {each.settled[-1].files}"
        verdict = "" if outcome.seconds < JUDGED_SECONDS else ", flat" if each.is_flat else ", NOT FLAT"
        growth = f"{each.growth * 3600 / _MIB:+7.2f} MiB an hour"
        yield f"    {each.name:20} {memory}   {growth}{verdict}; open files {files}"
    yield (
        f"    recorded and not shipped: {sorted(outcome.spooled)[len(outcome.spooled) // 2] / 1024:,.0f} KiB (median),"
        f" {max(outcome.spooled) / 1024:,.0f} KiB at most"
    )
    faults = faults_of(outcome)
    yield from ([f"    NOT AS IT MUST BE: {each}" for each in faults] or ["    no call failed, no answer was wrong"])
