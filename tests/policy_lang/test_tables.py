"""The parser's tables are those of its grammar: what is kept of them is used for nothing else, and parses the same."""

from pathlib import Path

import lark
import pytest
from lark import Lark

from policy_lang.source import SourceFile
from policy_lang.syntax import parser
from policy_lang.syntax.parser import TABLES, Parsed, built, key_of, language, parse

ROOT = Path(__file__).parents[2]
GRAMMAR = (ROOT / "policy_lang" / "syntax" / "grammar.lark").read_text()
FILES = sorted((ROOT / "examples").rglob("*.policy"))


@pytest.fixture(scope="module")
def anew() -> Lark:
    return built(GRAMMAR)


def parsed(text: str) -> Parsed:
    return parse(SourceFile("m.policy", text))


def test_the_tables_are_of_this_grammar_and_this_lark() -> None:
    assert TABLES.read_bytes().startswith(key_of(GRAMMAR)), "run `make grammar`"


def test_each_example_and_each_half_of_one_parse_as_by_tables_made_anew(
    anew: Lark, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text[:end] for text in (file.read_text() for file in FILES) for end in (len(text), len(text) // 2)]
    by_kept = [parsed(text) for text in texts]
    monkeypatch.setattr(parser, "language", lambda: anew)
    assert [parsed(text) for text in texts] == by_kept
    assert {found.tree is None for found in by_kept} == {True, False}


def test_tables_of_another_lark_or_another_grammar_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert language().source_path == "<deserialized>"
    assert key_of(GRAMMAR + "\n") != key_of(GRAMMAR)
    monkeypatch.setattr(lark, "__version__", "1.3.999")
    assert language.__wrapped__().source_path == "<string>"
