"""`make` says what it can do, and a first look at the example comes out as the documents say."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_make_alone_lists_every_target() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"^  make ([\w-]+) +\S", listed.stdout, re.MULTILINE) == phony.split()


def test_run_serves_the_example_as_it_is_told_also_where_somebody_changed_it() -> None:
    recipe = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "magistrate data import examples/documents/data.jsonl --upsert " in recipe.stdout
