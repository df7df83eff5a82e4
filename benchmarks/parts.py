"""Runs the benchmarks of single parts one after the other: `python -m benchmarks.parts [--quick]`."""

import subprocess
import sys
from typing import Final

PARTS: Final = (
    "decision",
    "ladder",
    "record",
    "durability",
    "shipping",
    "credentials",
    "overload",
    "motion",
    "hierarchies",
    "resources",
    "mapped",
    "importing",
)

if __name__ == "__main__":
    commands = [[sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]] for name in PARTS]
    sys.exit(max(subprocess.run(command, check=False).returncode for command in commands))
