"""Reads policy text into its concrete tree: every token, in the rules that recognised it.

Only text that the parser has accepted is read this way: its limits are what makes recursion over the tree safe.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from lark import Lark, Token


@dataclass(frozen=True, slots=True)
class Leaf:
    """A token: its text, and where it stands, in characters from the start of the file."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A rule of the grammar, by its name there, and the parts it recognised."""

    kind: str
    parts: tuple["Part", ...]


Part = Leaf | Branch


def read_concrete(text: str) -> Branch:
    """The concrete tree of a whole file's text, which the parser has accepted."""
    found: object = _lark().parse(text)
    if not isinstance(found, Branch):
        raise TypeError("the grammar gives a file")
    return found


def leaves(part: Part) -> Iterator[Leaf]:
    """The tokens of a part, in the order of the text."""
    stack = [part]
    while stack:
        match stack.pop():
            case Leaf() as leaf:
                yield leaf
            case Branch(parts=parts):
                stack.extend(reversed(parts))


@cache
def _lark() -> Lark:
    grammar = files("policy_lang.syntax").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start="file",
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=_Callbacks(),
    )


class _Callbacks:
    """Makes a branch of every recognised rule; tokens, and the parser's own rules for repetition, it leaves alone."""

    def __getattr__(self, kind: str) -> Callable[[Sequence[object]], Branch]:
        if kind.startswith("_") or not kind.islower():
            raise AttributeError(kind)
        return lambda parts: Branch(kind, tuple(map(_part, parts)))


def _part(found: object) -> Part:
    if isinstance(found, Branch):
        return found
    if not isinstance(found, Token):
        raise TypeError("the grammar gives tokens and branches")
    return Leaf(str(found), found.start_pos or 0, found.end_pos or 0)
