"""Laws of the formatter, over derivations of the whole grammar in any layout, and over every policy of the project."""

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policy_lang.formatting.formatter import format_policy
from policy_lang.formatting.printer import WIDTH
from policy_lang.source import SourceFile, Span
from policy_lang.syntax.parser import parse
from tests.policy_lang.formatting.generated_text import laid_out, words_of

ROOT = Path(__file__).parents[3]
OPTIONAL = re.compile(r"[,;](?=[\])}]|\Z)")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
LEXEME = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[^\s"#,;(){}\[\]]+|[,;(){}\[\]]')


def parses(text: str) -> bool:
    return not parse(SourceFile("t.policy", text)).faults


def formatted(text: str) -> str:
    return format_policy(SourceFile("t.policy", text))


def generated(seed: int) -> list[str]:
    words = words_of(Random(seed))
    assume(parses(" ".join(words)))
    return words


def project_policies() -> list[Path]:
    found = sorted(path for folder in ("examples", "service", "tests") for path in (ROOT / folder).rglob("*.policy"))
    return [path for path in found if parses(path.read_text())]


every_policy = pytest.mark.parametrize("path", project_policies(), ids=lambda path: path.name)
seeds = given(st.integers(0, 2**32), st.integers(0, 2**32), st.sampled_from((0.0, 0.02, 0.1, 0.5)))
thorough = settings(max_examples=200, deadline=None)


def tree_of(text: str) -> object:
    """The tree without its spans, in which alone it may differ."""
    return _without_spans(parse(SourceFile("t.policy", text)).tree)


def _without_spans(node: object) -> object:
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return tuple(map(_without_spans, node))
    if is_dataclass(node) and not isinstance(node, type):
        return type(node), tuple(_without_spans(getattr(node, field.name)) for field in fields(node))
    return node


def comments_of(text: str) -> list[str]:
    return [found.rstrip() for found in LEXEME.findall(text) if found.startswith("#")]


def code_of(text: str) -> str:
    """All that is no comment and no space, without the separators that may stand last in a list or not."""
    return OPTIONAL.sub("", "".join("".join(found.split()) for found in LEXEME.findall(text) if found[0] != "#"))


def words_and_comments(text: str) -> str:
    """Words and comments in their order; separators, which carry no comment, are left out."""
    found = LEXEME.findall(text)
    return "".join("".join(each.split()) for each in found if each not in {",", ";"})


def hold_laws(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert tree_of(once) == tree_of(text)
    assert comments_of(once) == comments_of(text)
    assert code_of(once) == code_of(text)
    assert words_and_comments(once) == words_and_comments(text)
    assert "\n\n\n" not in once
    assert [line for line in once.split("\n") if line != line.rstrip(" ")] == []
    assert once.endswith("\n")
    assert not once.endswith("\n\n")


@seeds
@thorough
def test_formatting_changes_the_layout_and_nothing_else(text_seed: int, layout_seed: int, comments: float) -> None:
    hold_laws(laid_out(generated(text_seed), Random(layout_seed), comments))


@every_policy
def test_formatting_a_policy_of_the_project_changes_its_layout_alone(path: Path) -> None:
    hold_laws(path.read_text())


@every_policy
@pytest.mark.parametrize("seed", range(3))
def test_a_policy_of_the_project_keeps_comments_wherever_they_stand(path: Path, seed: int) -> None:
    words = [found for found in LEXEME.findall(path.read_text()) if not found.startswith("#")]
    hold_laws(laid_out(words, Random(seed), 0.2))


@given(st.integers(0, 2**32), st.integers(0, 2**32))
@thorough
def test_layouts_of_the_same_words_have_one_form(text_seed: int, layout_seed: int) -> None:
    words = generated(text_seed)
    on_one_line = " ".join(words)
    assert _without_blank_lines(formatted(laid_out(words, Random(layout_seed)))) == _without_blank_lines(
        formatted(on_one_line)
    )


@given(st.integers(0, 2**32))
@thorough
def test_a_line_is_within_the_width_but_for_its_strings(text_seed: int) -> None:
    lines = formatted(" ".join(generated(text_seed))).splitlines()
    assert [line for line in lines if len(STRING.sub("", line)) > WIDTH] == []


def _without_blank_lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line]
