"""Formats policy text: same tokens, same comments, in the one layout that is theirs.

Laws: formatting twice is formatting once; the tree stays the same; no token and no comment is lost, moved or changed,
but that a list has a last separator where it takes several lines and none where it takes one. Whether a line breaks
depends on what stands in it, never on where it was broken before.
"""

from collections.abc import Mapping
from typing import Final

from policy_lang.diagnostics import PolicyError
from policy_lang.formatting.expressions import EXPRESSIONS
from policy_lang.formatting.pieces import Form, Pieces
from policy_lang.formatting.printer import printed
from policy_lang.formatting.statements import STATEMENTS
from policy_lang.formatting.trivia import Trivia
from policy_lang.source import SourceFile
from policy_lang.syntax.concrete import read_concrete
from policy_lang.syntax.parser import parse

_FORMS: Final[Mapping[str, Form]] = {**EXPRESSIONS, **STATEMENTS}


def format_policy(file: SourceFile) -> str:
    """The text of a file in its canonical layout; PolicyError with every fault of a file that does not parse."""
    faults = parse(file).faults
    if faults:
        raise PolicyError(faults)
    tree = read_concrete(file.text)
    trivia = Trivia(file.text, tree)
    text = printed(Pieces(trivia, _FORMS).document(tree))
    _compare(trivia, text)
    return text


def _compare(before: Trivia, text: str) -> None:
    """Whatever else goes wrong, no policy is ever written that says less than it did."""
    after = Trivia(text, read_concrete(text))
    if (before.words, before.comments) != (after.words, after.comments):
        raise AssertionError("formatting must change neither words nor comments")
