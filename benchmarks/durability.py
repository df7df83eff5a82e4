"""What a kept record costs a decision: none beside `process` beside `disk`, with many decisions in flight.

    python -m benchmarks.durability [--quick]

The facts are at hand, so that it is deciding and recording alone that is measured. The spool lies in the temporary
folder: what a sync costs is a property of the disk that is below it, so that is printed beside.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import uvloop

from benchmarks.credentials import ASKED, Unrecorded, point_in
from policy_lang.decision import Effect
from service.config import SpoolSettings
from service.decisions.spool import Spool
from service.model import Answer
from service.pdp import DecisionPoint
from service.ports import Recorder

IN_FLIGHT: Final = (1, 32, 256)
MOST_EACH: Final = 500
"""Decisions of one asker in a round: one that waits for a sync each time is not to take minutes."""
NONE: Final = "no record"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one decision, in microseconds: of the clock with all that were in flight, and of the processor."""

    clock: float
    processor: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Decisions in a round, and rounds."""

    decisions: int
    rounds: int


FULL: Final = Scale(decisions=20_000, rounds=5)
QUICK: Final = Scale(decisions=512, rounds=1)


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else FULL
    with TemporaryDirectory(prefix="magistrate-bench-") as name:
        folder = Path(name)
        spools = {each: Spool(folder / each, SpoolSettings(durability=each)) for each in ("process", "disk")}
        recorders: dict[str, Recorder] = {NONE: Unrecorded(), **spools}
        points = {kind: point_in(folder, recorder) for kind, recorder in recorders.items()}
        print(
            f"a record kept, beside none: up to {scale.decisions:,} decisions a round, median of {scale.rounds} rounds"
        )
        print(f"  one sync of a record's bytes on this disk: {sync_us(folder, scale):,.0f} µs")
        for flight in IN_FLIGHT:
            costs: dict[str, list[Cost]] = {kind: [] for kind in points}
            for _ in range(scale.rounds):
                for kind, point in points.items():  # in turn, so that all meet the same machine
                    made = min(scale.decisions, MOST_EACH * flight)
                    costs[kind].append(uvloop.run(decide(point, made, flight)))
            report(flight, costs)
        for spool in spools.values():
            spool.close()


async def decide(point: DecisionPoint, decisions: int, flight: int) -> Cost:
    """So many decisions, so many of them at a time."""
    caller = point.verify("")
    known = point.fetch(point.admit(caller, (ASKED,)))

    async def ask(times: int) -> None:
        for _ in range(times):
            batch = point.admit(caller, (ASKED,))
            answers = point.record(batch, known, point.decide(batch, known))
            if answers.keeping is not None:
                await answers.keeping
            (answer,) = answers.items
            if not isinstance(answer, Answer) or answer.decision.effect is not Effect.ALLOW:
                raise SystemExit(f"a wrong answer: {answer}")

    clock, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask(decisions // flight) for _ in range(flight)))
    made = decisions // flight * flight
    return Cost((time.perf_counter() - clock) / made * 1e6, (time.process_time() - processor) / made * 1e6)


def sync_us(folder: Path, scale: Scale) -> float:
    """The median of writing a record's bytes and syncing them, alone, in microseconds."""
    descriptor = os.open(folder / "synced", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    took: list[float] = []
    for _ in range(scale.decisions // 64):
        os.write(descriptor, b"r" * 512)
        began = time.perf_counter()
        os.fdatasync(descriptor)
        took.append((time.perf_counter() - began) * 1e6)
    os.close(descriptor)
    return median(took)


def report(flight: int, costs: dict[str, list[Cost]]) -> None:
    """Prints a line for each way."""
    clock = {kind: median(each.clock for each in found) for kind, found in costs.items()}
    processor = {kind: median(each.processor for each in found) for kind, found in costs.items()}
    print(f"  {flight} in flight")
    for kind in costs:
        print(
            f"    {kind:9}  {1e6 / clock[kind]:9,.0f} decisions/s, ratio {clock[NONE] / clock[kind]:5.3f};"
            f"  processor {processor[kind]:7.1f} µs a decision, ratio {processor[NONE] / processor[kind]:5.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
