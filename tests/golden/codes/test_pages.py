"""Every code has a page: what it says to avoid gives that code, word for word, and what to prefer gives nothing."""

import ast
import re
from pathlib import Path

import pytest

from policy_lang.pages import codes, page, title
from tests.golden.codes.pages import FOLDER, found, rendered

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(r"[EW]\d{3}")
FORM = re.compile(r"# [EW]\d{3}: [^\n.]+\n\n[^#]+\n## Avoid\n.*\n## Prefer\n.*\n## Why\n\n[^#]+\n", re.DOTALL)
every_code = pytest.mark.parametrize("code", codes())


def raised() -> set[str]:
    """Every code that stands in the source of the language."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "policy_lang").rglob("*.py"))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and CODE.fullmatch(value)}


def test_every_code_that_is_raised_has_a_page_and_no_other() -> None:
    """A new code needs a page in policy_lang/codes, and `python -m tests.golden.codes.pages` writes its golden file."""
    assert raised() == set(codes())


def test_every_page_has_a_golden_file_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.expected")} == set(codes())


@every_code
def test_a_page_says_what_to_avoid_what_to_prefer_and_why(code: str) -> None:
    assert FORM.fullmatch(page(code)) is not None


@every_code
def test_what_to_avoid_gives_the_code_word_for_word(code: str) -> None:
    text = rendered(code)
    assert text.startswith(("error[", "warning[")[code.startswith("W")] + code)
    assert text == (FOLDER / f"{code}.expected").read_text(encoding="utf-8")


@every_code
def test_what_to_prefer_is_sound(code: str) -> None:
    assert [each.render() for each in found(code, "Prefer")] == []


def test_the_index_lists_every_page() -> None:
    rows = [f"| [{code}](../policy_lang/codes/{code}.md) | {title(code)} |" for code in codes()]
    text = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("| [")] == rows
