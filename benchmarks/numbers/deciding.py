"""P1 and P2: the decision alone, beside the peers that Python can call, in an environment that has them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.deciding import Deciding
from benchmarks.decision import FLAT_TARGET, INTERPRETER, PEER_TARGET
from benchmarks.numbers.finding import Finding, Line, Target
from benchmarks.serving import environment
from benchmarks.stage import Stage

_PYTHON: Final = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"
_FASTER: Final = Target(PEER_TARGET, "× the fastest peer")
_FLAT: Final = Target(FLAT_TARGET, "× with 10 rules", is_most=True)


def measure(stage: Stage) -> list[Finding]:
    """Both, from one run."""
    python = _PYTHON if _PYTHON.is_file() else Path(sys.executable)
    command = (str(python), "-m", "benchmarks.deciding", *(("--quick",) if stage.scale.is_quick else ()))
    ended = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True)
    decided = Deciding(**json.loads(ended.stdout))
    took, ours = decided.decision_us, decided.decision_us[decided.own[0]]
    peer = decided.fastest_peer
    peers = [Line(f"{name} {which}", {"µs": took[name]}) for name, which in decided.versions.items()]
    own = [Line(name, {"µs": took[name]}) for name in decided.own]
    remark = f"the fastest is {peer}" if peer else "no peer is here; `make bench` installs them"
    p1 = Finding(
        "P1", "a decision with all reasons, 7 rules in play", _FASTER, took[peer] / ours if peer else None,
        [*own, Line(INTERPRETER, {"µs": took[INTERPRETER]}), *peers], remark,
    )  # fmt: skip
    worst = max(took[name] for name in decided.own) / ours
    return [p1, Finding("P2", f"the same with {decided.own[-1]}", _FLAT, worst)]
