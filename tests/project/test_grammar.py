"""The grammar that authors read is the one that the parser is made of."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_the_grammar_is_what_the_grammar_gives() -> None:
    script = "import sys; sys.path.insert(0, 'docs'); import generate_grammar; print(generate_grammar.page(), end='')"
    made = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "docs" / "grammar.md").read_text(), "run `make grammar`"
