"""Runs every benchmark in order: `python -m benchmarks [--quick]`. Each prints both sides of its ratio."""

import subprocess
import sys
from typing import Final

BENCHMARKS: Final = (
    "decision",
    "record",
    "durability",
    "shipping",
    "credentials",
    "unary",
    "motion",
    "hierarchies",
    "resources",
    "importing",
)

if __name__ == "__main__":
    commands = [[sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]] for name in BENCHMARKS]
    sys.exit(max(subprocess.run(command, check=False).returncode for command in commands))
