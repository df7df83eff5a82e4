"""The speed targets in one run, each as a ratio with both its sides.

    python -m benchmarks [--quick] [--only P3,P6] [--rounds N] [--write]

`--quick` shows that it runs and measures nothing worth knowing. `--only` repeats some numbers. `--write` keeps the
table and its JSON in benchmarks/results.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import SubprocessError
from typing import Final

import grpc

from benchmarks import arrivals, load, report
from benchmarks.cerbos.installing import VERSION, find_binary, reason_of_absence
from benchmarks.numbers import batch, cold_start, deciding, http, latency, stream, unary
from benchmarks.numbers.finding import Finding
from benchmarks.scale import FULL, QUICK
from benchmarks.sides import h2load
from benchmarks.stage import Stage

NUMBERS: Final[Mapping[str, Callable[[Stage], list[Finding]]]] = {
    "P1": deciding.measure,
    "P3": unary.measure,
    "P4": batch.measure,
    "P5": stream.measure,
    "P6": http.measure,
    "P7": latency.measure,
    "P8": cold_start.measure,
    "P11": batch.measure_linearity,
}


def main() -> int:
    """Measures, prints, and writes where it is asked to; 1 where a number could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="the speed targets in one run")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--only", default=",".join(NUMBERS), help="numbers, such as P3,P6")
    parser.add_argument("--write", action="store_true", help="keep the table and its JSON")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="rounds of each side")
    arguments = parser.parse_args()
    scale = QUICK if arguments.quick else replace(FULL, rounds=arguments.rounds)
    chosen = [number for number in NUMBERS if number in arguments.only.split(",")]
    began, load_average = time.monotonic(), os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name,
        Stage(scale, Path(name)) as stage,
    ):
        findings, failed = _measured(stage, chosen)
    found = report.Report(
        command="make bench" if sys.argv[1:] == ["--write"] else " ".join(("python -m benchmarks", *sys.argv[1:])),
        taken_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        seconds=time.monotonic() - began,
        load=f"{h2load.driver() if h2load.is_here() else load.driver()}; of P7 {arrivals.CLIENT}",
        load_average=load_average,
        machine=report.machine(),
        versions=report.versions(),
        absent=failed if find_binary() else failed | {f"Cerbos {VERSION}": reason_of_absence()},
        findings=findings,
    )
    print(report.text_of(found))
    if arguments.write:
        report.write(found)
    return 1 if failed else 0


def _measured(stage: Stage, numbers: Sequence[str]) -> tuple[list[Finding], dict[str, str]]:
    """What was found, and why a number could not be measured: the others count all the same."""
    findings, failed = list[Finding](), dict[str, str]()
    for number in numbers:
        try:
            findings += NUMBERS[number](stage)
        except (AssertionError, OSError, SubprocessError, SystemExit, grpc.RpcError) as error:
            failed[number] = str(error)
    return findings, failed


if __name__ == "__main__":
    sys.exit(main())
