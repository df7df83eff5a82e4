"""The figures that the documentation shows are those that were measured."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["performance.md", "operations.md"])
def test_a_page_shows_what_was_measured_last(name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    command = [sys.executable, "docs/generate_performance.py", "--stdin"]
    filled = subprocess.run(command, cwd=ROOT, input=page, capture_output=True, text=True, check=True)
    assert "<!-- measured " in page
    assert filled.stdout == page, "run `make performance`"
