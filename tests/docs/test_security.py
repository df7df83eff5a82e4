"""docs/security.md claims what a test holds, and nothing else."""

import re
from pathlib import Path

import pytest

from tests.service.authn.attacks import ATTACKS
from tests.service.authn.test_attacks_at_the_door import STORIES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`(test_\w+)`")
TABLE = re.compile(r"^\|.*\|\n\|[-|]+\|\n(?:\|.*\|\n)+", re.MULTILINE)


def tables() -> list[list[list[str]]]:
    """The tables, each its rows, each its cells; the heads come first."""
    found = [match[0].splitlines() for match in TABLE.finditer(TEXT)]
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if "---" not in row] for rows in found
    ]


def test_every_rule_names_tests_that_exist() -> None:
    rules = [row for head, *rows in tables() if head[-1] == "test" for row in rows]
    held = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(rules) > 40
    assert [rule for rule in rules if not NAMED.search(rule[-1])] == []
    assert set(NAMED.findall(TEXT)) - held == set()


def test_the_checklist_of_rfc_8725_is_whole() -> None:
    (checklist,) = (rows for head, *rows in tables() if head[0] == "RFC 8725")
    wanted = [f"{chapter}.{number}" for chapter, last in ((2, 9), (3, 12)) for number in range(1, last + 1)]
    assert [row[0].split()[0] for row in checklist] == wanted


@pytest.mark.parametrize("attack", [*map(str, ATTACKS), *STORIES])
def test_every_attack_says_the_law_that_it_breaks(attack: str) -> None:
    assert re.match(r"RFC \d{4} \d+(?:\.\d+)*: \w", attack)
