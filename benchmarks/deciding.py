"""One decision with all reasons: ours with few and many rules loaded, the interpreter, and every peer that is here.

    python -m benchmarks.deciding [--quick]

Prints JSON, for a run in an environment that has the peers.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.decision import FULL, INTERPRETER, QUICK, Decide, Scale, facts_of, load, measure, questions_of
from benchmarks.peers.installing import NOTES, PEERS
from policy_lang.compiler import Compiled
from policy_lang.facts import Facts
from policy_lang.interpreter import Interpreter

_LOADED: Final = "rules loaded"


@dataclass(frozen=True, slots=True)
class Deciding:
    """Microseconds a decision, by engine; the peers' versions, and why others are absent."""

    questions: int
    decision_us: Mapping[str, float]
    versions: Mapping[str, str]
    absent: Mapping[str, str]

    @property
    def own(self) -> list[str]:
        """Ours among the engines, the fewest rules first."""
        return [name for name in self.decision_us if name.endswith(_LOADED)]

    @property
    def fastest_peer(self) -> str | None:
        """The quickest peer, None without one."""
        return min(self.versions, key=lambda name: self.decision_us[name], default=None)


def deciding(scale: Scale) -> tuple[Deciding, list[Facts]]:
    """One run of everything that is here, and the facts that were decided on."""
    programs = {count: load(count) for count in scale.loaded}
    compiled = {count: Compiled(program) for count, program in programs.items()}
    deciders: dict[str, Decide] = {f"{count:,} {_LOADED}": each.decide for count, each in compiled.items()}
    deciders[INTERPRETER] = Interpreter(programs[scale.loaded[0]]).decide
    absent = _absent()
    deciders |= {package: _peer(name) for name, package in PEERS.items() if package not in absent}
    asked = questions_of(scale)
    facts = facts_of(scale.world, asked, compiled[scale.loaded[0]])
    took = measure(deciders, facts, asked, scale.rounds)
    decision_us = {name: nanoseconds / 1000 for name, nanoseconds in took.items()}
    versions = {package: version(package) for package in PEERS.values() if package not in absent}
    return Deciding(len(asked), decision_us, versions, absent), facts


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
            found[package] = reasons.get(package) or "it is not installed; `make bench` installs it"
    return found


if __name__ == "__main__":
    print(json.dumps(asdict(deciding(QUICK if "--quick" in sys.argv else FULL)[0])))
