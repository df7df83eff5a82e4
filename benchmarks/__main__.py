"""The speed targets in one run, each as a ratio with both its sides.

    python -m benchmarks [--quick] [--only P3,P6] [--write]

`--quick` shows that it runs and measures nothing worth knowing. `--only` repeats some numbers. `--write` keeps the
table and its JSON in benchmarks/results.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

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


def main() -> None:
    """Measures, prints, and writes where it is asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="the speed targets in one run")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--only", default=",".join(NUMBERS), help="numbers, such as P3,P6")
    parser.add_argument("--write", action="store_true", help="keep the table and its JSON")
    arguments = parser.parse_args()
    chosen = [number for number in NUMBERS if number in arguments.only.split(",")]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name,
        Stage(QUICK if arguments.quick else FULL, Path(name)) as stage,
    ):
        findings = [finding for number in chosen for finding in NUMBERS[number](stage)]
    found = report.Report(
        command="make bench" if arguments.write else "python -m benchmarks",
        taken_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        seconds=time.monotonic() - began,
        load=f"{h2load.driver() if h2load.is_here() else load.driver()}; of P7 {arrivals.CLIENT}",
        machine=report.machine(),
        versions=report.versions(),
        absent={} if find_binary() else {f"Cerbos {VERSION}": reason_of_absence()},
        findings=findings,
    )
    print(report.text_of(found))
    if arguments.write:
        report.write(found)


if __name__ == "__main__":
    main()
