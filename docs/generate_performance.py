"""Fills the measured figures of docs/performance.md and docs/operations.md from benchmarks/results.

    python docs/generate_performance.py [--stdin]

A figure stands between `<!-- measured NAME -->` and `<!-- end -->`; everything else is written by hand. `--stdin` fills
one page and prints it.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypedDict

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
PAGES: Final = (ROOT / "docs" / "performance.md", ROOT / "docs" / "operations.md")
_BLOCK: Final = re.compile(r"(<!-- measured (?P<name>[\w.-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_VERDICTS: Final = {True: "met", False: "**not met**", None: "not measured"}
_MIB: Final = 1 << 20


class Line(TypedDict):
    """A side, and what was measured of it."""

    side: str
    figures: dict[str, float]


class Finding(TypedDict):
    """A number of the speed targets."""

    number: str
    what: str
    target: str
    unit: str
    measured: float | None
    is_met: bool | None
    sides: list[Line]
    remark: str


def filled(page: str) -> str:
    """The page with its figures as they were measured last; KeyError for a name that nothing fills."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{_figures(block['name'])}\n{block[3]}", page)


def _figures(name: str) -> str:
    try:
        if name.endswith(".txt"):
            return f"```text\n{(RESULTS / name).read_text().rstrip()}\n```\n"
        return "\n".join(_TABLES[name]()) + "\n"
    except FileNotFoundError:
        return "Not measured yet.\n"


def _findings() -> list[Finding]:
    read: list[Finding] = json.loads((RESULTS / "bench.json").read_text())["findings"]
    return read


def _run() -> Iterator[str]:
    run = json.loads((RESULTS / "bench.json").read_text())
    versions = ", ".join(f"{name} {which}" for name, which in run["versions"].items())
    yield f"By `{run['command']}`, {run['taken_at'][:10]}, in {run['seconds']:.0f} s:"
    yield f"{run['machine']}, load average {run['load_average']:.1f} before it began; {versions}."
    yield f"The load: {run['load']}."
    for name, reason in run["absent"].items():
        yield f"{name} was not there: {reason}."


def _numbers() -> Iterator[str]:
    yield "| | what | target | measured | | beside |"
    yield "|---|---|---|---|---|---|"
    for each in _findings():
        measured = "" if each["measured"] is None else f"{each['measured']:.2f}"
        yield (
            f"| {each['number']} | {each['what']} | {each['target']} | {measured}"
            f" | {_VERDICTS[each['is_met']]} | {each['remark']} |"
        )


def _sides() -> Iterator[str]:
    yield "| | side | measured |"
    yield "|---|---|---|"
    for each in _findings():
        for line in each["sides"]:
            figures = ", ".join(f"{_figure(value)} {name}" for name, value in line["figures"].items())
            yield f"| {each['number']} | {line['side']} | {figures} |"


def _capacity() -> Iterator[str]:
    yield "| asked by | cores for 1,000 checks a second | with the load on the same two cores |"
    yield "|---|---|---|"
    for name, number, side in (
        ("Check", "P3", "ours"),
        ("Check, every fact read from the database", "P3", "ours, every fact read"),
        ('Check, with `spool.durability = "disk"`', "P3", "ours, on the disk before the answer"),
        ("BatchCheck of 50", "P4", "ours"),
        ("CheckStream", "P5", "ours, streams"),
        ("AuthZEN over HTTP", "P6", "ours, HTTP"),
    ):
        figures = _side(number, side)
        yield f"| {name} | {figures['CPU µs a check'] / 1000:.2f} | {figures['checks/s']:,.0f} checks/s |"


def _side(number: str, side: str) -> Mapping[str, float]:
    lines = (line for each in _findings() if each["number"] == number for line in each["sides"])
    return next(line["figures"] for line in lines if line["side"] == side)


def _sizes() -> Iterator[str]:
    sizes: Mapping[str, float] = json.loads((RESULTS / "sizing.json").read_text())
    rows, indexes, records = _log_on_postgresql()
    resource, caller = sizes["resource"], sizes["caller"]
    yield "| what | takes |"
    yield "|---|---|"
    for what, takes in (
        ("the supervisor", f"{sizes['supervisor'] / _MIB:.0f} MiB of memory"),
        ("the background process", f"{sizes['background'] / _MIB:.0f} MiB"),
        ("each worker", f"{sizes['worker'] / _MIB:.0f} MiB, and beside that"),
        (
            "a resource of five attributes in its cache",
            f"{resource:,.0f} bytes; 50,000 {resource * 50_000 / _MIB:.0f} MiB",
        ),
        ("a caller: token, attributes, roles", f"{caller:,.0f} bytes; 10,000 of them {caller * 10_000 / _MIB:.0f} MiB"),
        ("a decision in the spool", f"{sizes['spool_check']:,.0f} bytes"),
        (
            "a decision in the log on PostgreSQL",
            f"{rows / records:,.0f} bytes, and {indexes / records:,.0f} of indexes",
        ),
        ("a decision in the log on SQLite", f"{sizes['log_record']:,.0f} bytes with its indexes"),
    ):
        yield f"| {what} | {takes} |"


def _log_on_postgresql() -> tuple[int, int, int]:
    """Bytes of rows and of indexes, and how many records have them, by the largest log that was made."""
    text = (RESULTS / "log.txt").read_text()
    made = re.findall(r"([\d,]+) records made in .*: rows ([\d,]+) MB, indexes ([\d,]+) MB", text)
    records, rows, indexes = (int(number.replace(",", "")) for number in made[-1])
    return rows * 10**6, indexes * 10**6, records


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "run": _run,
    "numbers": _numbers,
    "sides": _sides,
    "capacity": _capacity,
    "sizes": _sizes,
}


if __name__ == "__main__":
    if sys.argv[1:] == ["--stdin"]:
        sys.stdout.write(filled(sys.stdin.read()))
    else:
        for page in PAGES:
            page.write_text(filled(page.read_text()))
