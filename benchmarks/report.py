"""The table of a run, and its JSON."""

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.numbers.finding import Finding

RESULTS: Final = Path(__file__).parent / "results"
_WIDTH: Final = 140
VERDICTS: Final = {True: "met", False: "NOT MET", None: "not measured"}
"""How it is said whether a target is met."""
_PACKAGES: Final = ("grpcio", "protobuf", "uvloop", "orjson", "PyJWT")


@dataclass(frozen=True, slots=True)
class Report:
    """A run: how it was started, on what, by which load, and all that it found."""

    command: str
    taken_at: str
    seconds: float
    load: str
    load_average: float
    machine: str
    versions: Mapping[str, str]
    absent: Mapping[str, str]
    findings: Sequence[Finding]


def machine() -> str:
    """The machine in one line."""
    cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, {platform.system()} {platform.release()}"


def versions() -> dict[str, str]:
    """Of what takes part."""
    found = {package: version(package) for package in _PACKAGES}
    return {"Python": platform.python_version(), **found, "SQLite": sqlite3.sqlite_version}


def text_of(report: Report) -> str:
    """The report as a person reads it."""
    console = Console(width=_WIDTH, file=StringIO(), force_terminal=False)
    console.print(f"bench  {report.command}; {report.taken_at}, {report.seconds:.0f} s", highlight=False)
    console.print(f"  {report.machine}, load average {report.load_average:.1f} before")
    console.print(f"  {', '.join(f'{name} {which}' for name, which in report.versions.items())}")
    console.print(f"  load: {report.load}")
    for name, reason in report.absent.items():
        console.print(f"  without {name}: {reason}")
    console.print(_numbers(report.findings))
    console.print(_sides(report.findings))
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def write(report: Report) -> None:
    """Keeps the report as text and as JSON."""
    (RESULTS / "bench.txt").write_text(text_of(report))
    found = [
        asdict(each) | {"target": str(each.target), "is_met": each.is_met} for each in report.findings
    ]  # fmt: skip
    (RESULTS / "bench.json").write_text(json.dumps(asdict(report) | {"findings": found}, indent=2) + "\n")


def _numbers(findings: Sequence[Finding]) -> Table:
    table = Table(box=SIMPLE, title="numbers", title_justify="left")
    for name in ("", "what", "target", "measured", "", "beside"):
        table.add_column(name)
    for each in findings:
        measured = "" if each.measured is None else f"{each.measured:.2f} {each.target.unit}"
        table.add_row(each.number, each.what, str(each.target), measured, VERDICTS[each.is_met], each.remark)
    return table


def _sides(findings: Sequence[Finding]) -> Table:
    table = Table(box=SIMPLE, title="sides", title_justify="left")
    for name in ("", "side", "measured"):
        table.add_column(name)
    for each in findings:
        for line in each.sides:
            figures = "   ".join(f"{_figure(value):>9} {name}" for name, value in line.figures.items())
            table.add_row(each.number, line.side, figures)
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
