"""What deciding costs beside the policy engines that Python can call; what loading, reloading and keeping rules costs.

    make bench-policy
    python -m benchmarks.policy [--quick] [--write]

One run, one scenario: the seven rules of `benchmarks/decision.py`, each engine in its own way (`benchmarks/peers`),
every answer of each checked on every question before it counts. Each form of a question is made before; only deciding
is measured. `--write` keeps text and JSON in benchmarks/results.
"""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.deciding import Deciding, deciding
from benchmarks.decision import FLAT_TARGET, FULL, IN_PLAY, INTERPRETER, PEER_TARGET, QUICK
from benchmarks.loading import Loaded, Memory, Reloaded, loaded, memory, reloaded

RESULTS: Final = Path(__file__).parent / "results"
LOAD_TARGET: Final = 5.0


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured."""

    command: str
    machine: str
    taken_at: str
    load_average: float
    decided: Deciding
    rules: int
    loaded: Loaded
    reloaded: Reloaded
    memory: Memory


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and writes where it is asked to."""
    report = measured(arguments)
    text = "\n".join(lines(report))
    print(text)
    if "--write" in arguments:
        (RESULTS / "policy.txt").write_text(text + "\n")
        (RESULTS / "policy.json").write_text(json.dumps(asdict(report), indent=2) + "\n")


def measured(arguments: Sequence[str]) -> Report:
    """One run of everything."""
    scale = QUICK if "--quick" in arguments else FULL
    most = scale.loaded[-1]
    decided, facts = deciding(scale)
    return Report(
        command=" ".join(("python -m benchmarks.policy", *arguments)),
        machine=f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}",
        taken_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        load_average=os.getloadavg()[0],
        decided=decided,
        rules=most,
        loaded=loaded(most),
        reloaded=reloaded(most, facts),
        memory=memory(most),
    )


def lines(report: Report) -> list[str]:
    """The report as a person reads it."""
    decided, own = report.decided, report.decided.own
    took = decided.decision_us
    ours = took[own[0]]
    said = [
        f"policy  {report.command}; {report.machine}; {report.taken_at},",
        f"        load average of the machine {report.load_average:.1f}, this run among it",
        f"    P1  one decision with all reasons, {IN_PLAY} rules in play; {decided.questions:,} questions in turn,",
        "        each answer of each engine checked; best of the rounds of every few questions",
        *(f"        {name:20} {took[name]:9.2f} µs" for name in own),
    ]
    for name in (INTERPRETER, *decided.versions):
        label = f"{name} {decided.versions[name]}" if name in decided.versions else name
        said.append(f"        {label:20} {took[name]:9.2f} µs   {took[name] / ours:8.1f} × ours")
    said += [f"        {name}: not measured, {reason}" for name, reason in decided.absent.items()]
    if quickest := decided.fastest_peer:
        ratio = took[quickest] / ours
        said.append(
            f"    P1  {ratio:.1f} × the fastest peer, {quickest}{_met(ratio >= PEER_TARGET)} (target {PEER_TARGET:.0f})"
        )
    worst = max(took[name] for name in own) / ours
    said.append(f"    P2  {worst:.2f} × with the most rules loaded{_met(worst <= FLAT_TARGET)} (target {FLAT_TARGET})")
    return said + _kept_lines(report)


def _kept_lines(report: Report) -> list[str]:
    load, reload, memory_ = report.loaded, report.reloaded, report.memory
    whole = load.load_s + load.compile_s
    said = (
        ("load", f"{report.rules:,} rules: {load.load_s:.2f} s to read and check, {load.compile_s:.2f} s to compile"),
        ("", f"{whole:.2f} s, of CPU {load.cpu_s:.2f} s{_met(whole < LOAD_TARGET)} (target {LOAD_TARGET:.0f})"),
        ("reload", f"{report.rules:,} rules beside those in force: {reload.build_s:.2f} s to build their image in a"),
        ("", f"process of its own, {reload.take_up_s:.2f} s to load it in slices; {reload.decisions:,} decisions"),
        ("", f"meanwhile, {reload.beside_us:.2f} µs each (median), {reload.alone_us:.2f} without a reload;"),
        ("", f"none waited more than {reload.longest_pause_ms:.1f} ms"),
        ("memory", f"a rule takes {memory_.objects:,.0f} bytes of Python objects (tracemalloc), and"),
        ("", f"{memory_.process:,.0f} of the process (RSS): text, tree, functions"),
    )
    return [f"    {head:8}{text}" for head, text in said]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _met(is_met: bool) -> str:
    return ": met" if is_met else ": missed"


if __name__ == "__main__":
    main(sys.argv[1:])
