"""The benchmarks run, small, and find every answer right; what they measure is asserted nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "benchmarks",
        "benchmarks.soak",
        "benchmarks.decision",
        "benchmarks.ladder",
        "benchmarks.record",
        "benchmarks.durability",
        "benchmarks.shipping",
        "benchmarks.credentials",
        "benchmarks.overload",
        "benchmarks.freshness",
        "benchmarks.hierarchies",
        "benchmarks.resources",
        "benchmarks.mapped",
        "benchmarks.importing",
        "benchmarks.log",
    ],
)
def test_a_benchmark_runs(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", name, "--quick"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout
