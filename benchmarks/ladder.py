"""Where a unary check's time goes: the bare echo, what every check must do added step by step, and the service.

    python -m benchmarks.ladder [--quick] [--write]

All are loaded in turn, over and over; the service also while its shipper stands still, for the rungs have none. What it
then costs above the last rung is what its own code could save; what the rungs cost above the echo is the limit of any
Python that keeps the laws.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.numbers.sides import OURS, checks, echo_side
from benchmarks.rung import STEPS
from benchmarks.scale import FULL, QUICK
from benchmarks.serving import serving
from benchmarks.sides.dialect import CHECK
from benchmarks.sides.side import Rounds, Side
from benchmarks.stage import Stage


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else replace(FULL, rounds=7)
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name, Stage(scale, Path(name)) as stage:
        taken = _climbed(stage)
    versions = ", ".join(f"{package} {which}" for package, which in report.versions().items())
    lines = ["ladder  python -m benchmarks.ladder", f"  {report.machine()}; {versions}", *_lines(taken)]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if "--write" in arguments:
        (report.RESULTS / "ladder.txt").write_text(text)


def _climbed(stage: Stage) -> list[Rounds]:
    """The echo, each rung, the service; quickly, of the rungs only the last, which takes every step."""
    steps = list(enumerate(STEPS, 1))
    with ExitStack() as started:
        echo = echo_side(stage)
        rungs: list[Side] = []
        for rung, (name, _) in steps[-1:] if stage.scale.is_quick else steps:
            server = started.enter_context(serving(stage.folder, (sys.executable, "-m", "benchmarks.rung", str(rung))))
            rungs.append(replace(echo, name=f"+ {name}", address=server.address, servers=[server.pid]))
        rungs[-1], unshipped, ours = _halting(stage, rungs[-1])
        return stage.in_turn([echo, *rungs, unshipped, ours], stage.scale.rounds, stage.scale.seconds)


def _halting(stage: Stage, before: Side) -> tuple[Side, Side, Side]:
    """The side before, which ends with the shipper halted; the service, which ends with it going on; the service."""
    ours = stage.one_worker.side(OURS, CHECK, checks(stage))
    shipper = stage.one_worker.serving.background()

    def go_on() -> None:
        os.kill(shipper, signal.SIGCONT)
        ours.settle()

    halted = replace(before, settle=lambda: os.kill(shipper, signal.SIGSTOP))
    return halted, replace(ours, name=f"{OURS}, while its shipper stands still", settle=go_on), ours


def _lines(taken: Sequence[Rounds]) -> list[str]:
    """A line a rung: its CPU a call, what it adds to the one before, the echo's part of it."""
    echo, before, lines = taken[0].cpu, taken[0].cpu, list[str]()
    for rung in taken:
        added, before = rung.cpu - before, rung.cpu
        lines.append(
            f"  {rung.name:50} {rung.cpu:5.0f} µs of CPU a call   {added:+5.0f}   echo / this {echo / rung.cpu:.2f}"
            f"   {rung.rate:7,.0f} calls/s"
        )
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
