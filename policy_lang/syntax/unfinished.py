"""Reads text up to a place in it: what has been recognised there, and what may follow."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from lark import TextSlice, Token, Tree
from lark.exceptions import UnexpectedInput

from policy_lang.source import SourceFile
from policy_lang.syntax.parser import language, statement_starts
from policy_lang.syntax.reading import READING, Reading

_END: Final = "$END"
_WORD: Final = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """A token that belongs to nothing finished yet: its terminal in the grammar, and its text."""

    terminal: str
    text: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The statement that a place is in: its text up to there, its finished parts between tokens, what may follow."""

    text: str
    parts: tuple[object, ...]
    accepted: frozenset[str]

    @property
    def keywords(self) -> tuple[str, ...]:
        """The words of the language that may follow, sorted; those of a next statement only on a line of its own."""
        is_whole = _END in self.accepted and self.text.rpartition("\n")[2].strip()
        left = self.accepted - (_beginnings() if is_whole else frozenset())
        return tuple(sorted(word for name, word in keywords().items() if name in left))


def read_unfinished(file: SourceFile, end: int) -> Unfinished | None:
    """What stands before a place; None where that is no beginning of anything."""
    start = max((at for at in statement_starts(file.text) if at < end), default=0)
    symbol = "rest" if start else "file"
    token = READING.set(Reading(file))
    try:
        parser = language().parse_interactive(TextSlice(file.text, start, end), start=symbol)
        parser.exhaust_lexer()
        accepts: Callable[[], set[str]] = parser.accepts
        accepted = frozenset(accepts())
    except UnexpectedInput:
        return None
    finally:
        READING.reset(token)
    return Unfinished(file.text[start:end], tuple(_flat(parser.parser_state.value_stack)), accepted)


@cache
def keywords() -> dict[str, str]:
    """Terminal → word, for every word of the language."""
    return {
        terminal.name: terminal.pattern.value
        for terminal in language().terminals
        if terminal.pattern.type == "str" and _WORD.fullmatch(terminal.pattern.value)
    }


@cache
def _beginnings() -> frozenset[str]:
    """What statements begin with."""
    accepts: Callable[[], set[str]] = language().parse_interactive("", start="rest").accepts
    return frozenset(accepts())


def _flat(found: Iterable[object]) -> Iterator[object]:
    """The parts in their order; the parser's own rules for repetition nest no deeper than one."""
    for part in found:
        match part:
            case Token():
                yield Mark(part.type, str(part))
            case Tree():
                yield from _flat(part.children)
            case _:
                yield part
