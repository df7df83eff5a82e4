"""P8: from the command to the first decision."""

from statistics import median
from typing import Final

from benchmarks.motion import cold_start, write_policies
from benchmarks.numbers.finding import Finding, Line, Target
from benchmarks.stage import Stage

_TARGET: Final = Target(1.5, "s", is_most=True)


def measure(stage: Stage) -> list[Finding]:
    """The median of some starts: a first one that has to compile this project's modules counts for nothing."""
    folder = stage.copy()
    write_policies(folder / "policies", stage.scale.policies)
    starts = [cold_start(folder, stage.token(7)) for _ in range(stage.scale.starts)]
    lines = [Line(f"ours, {len(starts)} starts", {"s at least": min(starts), "s at most": max(starts)})]
    what = f"cold start to the first decision, {stage.scale.policies:,} policies"
    return [Finding("P8", what, _TARGET, median(starts), lines)]
