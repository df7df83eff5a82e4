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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.decision import (
    FLAT_TARGET,
    FULL,
    IN_PLAY,
    PEER_TARGET,
    QUICK,
    Decide,
    facts_of,
    load,
    measure,
    questions_of,
)
from benchmarks.loading import Loaded, Memory, Reloaded, loaded, memory, reloaded
from benchmarks.peers.installing import NOTES, PEERS
from policy_lang.compiler import Compiled
from policy_lang.interpreter import Interpreter

RESULTS: Final = Path(__file__).parent / "results"
LOAD_TARGET: Final = 5.0
_INTERPRETER: Final = "naive interpreter"


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; times of a decision in microseconds, by engine."""

    command: str
    machine: str
    taken_at: str
    load_average: float
    versions: Mapping[str, str]
    absent: Mapping[str, str]
    questions: int
    decision_us: Mapping[str, float]
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
    programs = {count: load(count) for count in scale.loaded}
    compiled = {count: Compiled(program) for count, program in programs.items()}
    deciders: dict[str, Decide] = {_loaded(count): each.decide for count, each in compiled.items()}
    deciders[_INTERPRETER] = Interpreter(programs[scale.loaded[0]]).decide
    absent = _absent()
    deciders |= {package: _peer(name) for name, package in PEERS.items() if package not in absent}
    asked = questions_of(scale)
    facts = facts_of(scale.world, asked, compiled[scale.loaded[0]])
    took = measure(deciders, facts, asked, scale.rounds)
    return Report(
        command=" ".join(("python -m benchmarks.policy", *arguments)),
        machine=f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}",
        taken_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        load_average=os.getloadavg()[0],
        versions={package: version(package) for package in PEERS.values() if package not in absent},
        absent=absent,
        questions=len(asked),
        decision_us={name: nanoseconds / 1000 for name, nanoseconds in took.items()},
        rules=most,
        loaded=loaded(most),
        reloaded=reloaded(most, facts),
        memory=memory(most),
    )


def lines(report: Report) -> list[str]:
    """The report as a person reads it."""
    took, own = report.decision_us, [name for name in report.decision_us if name.endswith("loaded")]
    ours = took[own[0]]
    said = [
        f"policy  {report.command}; {report.machine}; {report.taken_at},",
        f"        load average of the machine {report.load_average:.1f}, this run among it",
        f"    P1  one decision with all reasons, {IN_PLAY} rules in play; {report.questions:,} questions in turn,",
        "        each answer of each engine checked; best of the rounds of every few questions",
        *(f"        {name:20} {took[name]:9.2f} µs" for name in own),
    ]
    for name in (_INTERPRETER, *report.versions):
        label = f"{name} {report.versions[name]}" if name in report.versions else name
        said.append(f"        {label:20} {took[name]:9.2f} µs   {took[name] / ours:8.1f} × ours")
    said += [f"        {name}: not measured, {reason}" for name, reason in report.absent.items()]
    if report.versions:
        quickest = min(report.versions, key=lambda name: took[name])
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


def _peer(name: str) -> Decide:
    decide: Decide = import_module(f"benchmarks.peers.{name}").decider()
    return decide


def _absent() -> dict[str, str]:
    """The peers that are not here, and why."""
    notes = Path(sys.prefix) / NOTES
    reasons: dict[str, str] = json.loads(notes.read_text()) if notes.is_file() else {}
    found: dict[str, str] = {}
    for package in PEERS.values():
        try:
            version(package)
        except PackageNotFoundError:
            found[package] = reasons.get(package) or "it is not installed; `make bench-policy` installs it"
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _loaded(count: int) -> str:
    return f"{count:,} rules loaded"


def _met(is_met: bool) -> str:
    return ": met" if is_met else ": missed"


if __name__ == "__main__":
    main(sys.argv[1:])
