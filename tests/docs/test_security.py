"""docs/security.md claims what a test holds, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(test_\w+)`")


def test_every_rule_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rules = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| rule ")]
    held = {
        name
        for path in (ROOT / "tests" / "service" / "authn").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(rules) > 10
    assert [rule for rule in rules if not NAMED.search(rule)] == []
    assert set(NAMED.findall(text)) - held == set()
