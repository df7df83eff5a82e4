"""A service under a steady load for a long time, while policies, facts and tokens change: is it as good in the end?

    SOAK_SECONDS=600 python -m benchmarks.soak [--quick] [--write]

Calls arrive at every door, together about half of what the machine can do. No call may fail or be answered wrong, every
change must come to count, and no process may grow; else it ends with 1. `--write` keeps the text in benchmarks/results.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from benchmarks import load
from benchmarks.numbers.sides import batches, checks, evaluations
from benchmarks.report import RESULTS
from benchmarks.scale import FULL, QUICK
from benchmarks.serving import SERVE, environment, serving
from benchmarks.sides.dialect import BATCH as BATCH_CHECK
from benchmarks.sides.dialect import CHECK, EVALUATION
from benchmarks.sides.side import Side, cpu_seconds
from benchmarks.soaking.changes import TOUCHED, Changes
from benchmarks.soaking.latencies import Summary
from benchmarks.soaking.load import CLIENT, STREAM, Orders, write_orders
from benchmarks.soaking.outcome import Outcome, faults_of, lines_of
from benchmarks.soaking.warming import warm
from benchmarks.soaking.watch import Watch, processes_of
from benchmarks.stage import Service, Stage

SECONDS: Final = 600.0
QUICK_SECONDS: Final = 3.0
BATCH: Final = 20
UNARY, BATCHES, HTTP = "unary", f"batches of {BATCH}", "AuthZEN over HTTP"
SHARES: Final[Mapping[str, float]] = {UNARY: 0.11, BATCHES: 0.007, HTTP: 0.075, CLIENT: 0.015, STREAM: 0.03}
"""Calls a second of each door, as parts of the unary checks a second that the service can answer.

With the load itself two cores are busy by two thirds: a steady load. What an overload does is `benchmarks.overload`'s.
"""
RENEWED: Final = "120"
"""Seconds after which connections end and come to other workers, who grow by what each takes: early, and often."""


def main(arguments: Sequence[str]) -> int:
    """Runs, prints, keeps the text if it is told to; 1 where something is not as it must be."""
    is_quick = "--quick" in arguments
    seconds = float(os.environ.get("SOAK_SECONDS", QUICK_SECONDS if is_quick else SECONDS))
    workers = "1" if is_quick else str(len(os.sched_getaffinity(0)))
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-soak-") as name,
        Stage(QUICK if is_quick else FULL, Path(name)) as stage,
    ):
        folder = stage.copy()
        policy = folder / "policies" / "documents.policy"
        policy.write_text(policy.read_text().replace(*TOUCHED))
        with serving(folder, SERVE, workers=workers, http="127.0.0.1:0", max_connection_age=RENEWED) as started:
            outcome = asyncio.run(_soak(stage, Service(started, folder), seconds))
    said = lines_of(outcome)
    print("\n".join(said))
    if "--write" in arguments:
        (RESULTS / "soak.txt").write_text("\n".join(said) + "\n")
    return 1 if faults_of(outcome) else 0


async def _soak(stage: Stage, service: Service, seconds: float) -> Outcome:
    sides = _sides(stage, service)
    for side in sides[:2]:  # by HTTP the same is asked
        await warm(side)
    capacity, *_ = [await asyncio.to_thread(load.drive, side, stage.scale.seconds, stage.folder) for side in sides]
    await asyncio.to_thread(sides[0].settle)
    rates = {name: min(capacity.rate, stage.scale.most) * share for name, share in SHARES.items()}
    orders = Orders(service.serving.address, stage.token(0), rates, stage.asked)
    write_orders(stage.folder, orders, sides)
    changes = Changes(service.folder, service.serving.address, stage.scale.world, stage.token(0))
    watch = Watch(service)
    processes = list(processes_of(service.serving.pid))
    beside = [asyncio.create_task(changes.go_on()), asyncio.create_task(watch.go_on(seconds))]
    cpu, began = cpu_seconds(processes), time.monotonic()
    doors = await _load(stage.folder, seconds)
    busy = (cpu_seconds(processes) - cpu) / (time.monotonic() - began)
    for task in beside:
        task.cancel()
    await asyncio.wait(beside)
    for task in beside:
        if not task.cancelled() and (error := task.exception()):
            raise error
    return Outcome(seconds, capacity.rate, rates, doors, changes.changed, watch.watched(), watch.spooled, busy)


def _sides(stage: Stage, service: Service) -> list[Side]:
    """What is asked over connections of our own."""
    groups = stage.groups(BATCH)
    return [
        service.side(UNARY, CHECK, checks(stage)),
        service.side(BATCHES, BATCH_CHECK, batches(stage, groups), BATCH),
        service.http_side(HTTP, EVALUATION, evaluations(stage)),
    ]


async def _load(folder: Path, seconds: float) -> dict[str, Summary]:
    command = (sys.executable, "-m", "benchmarks.soaking.load", str(folder), str(seconds))
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the load ends with {process.returncode}")
    return {door: Summary(**read) for door, read in orjson.loads(printed).items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
