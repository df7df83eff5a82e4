"""Finds out where in a statement a place is: what stands before it, and what that asks for."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from policy_lang.editing.index import Index
from policy_lang.editing.scope import Scope
from policy_lang.source import SourceFile
from policy_lang.syntax.ast import Expression
from policy_lang.syntax.parser import statement_starts
from policy_lang.syntax.unfinished import Mark, Unfinished, read_unfinished

_WORD_BEHIND: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CHAIN: Final = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\s*\.\s*)+\Z")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ON: Final = re.compile(r"\bon\s+((?:[A-Za-z_]\w*)(?:\s*,\s*[A-Za-z_]\w*)*)")
_TEMPLATE: Final = re.compile(r"template\s+([A-Za-z_]\w*)\s*\(")
_COMMENT_OR_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|["#]')
_QUOTED: Final = re.compile(r'\breason\s+"(?:[^"\\\n]|\\.)*\{[^"{}\n]*\Z')
_OPERATORS: Final = frozenset({"==", "!=", "in", "not", "any", "all", "??"})
_HEADS: Final = frozenset({"tenant", "principal", "shadow"})
"""Words before the one that says what a statement is."""
_PASSED: Final = frozenset({"NAME", "COMMA", "DOT", "STRING"})
"""What does not say what is asked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file where a word begins or goes on.

    `start` is where the word begins, `chain` the names with dots before it, `around` the text of the statement and
    `statement` the word that says what it is, `asks` the terminal that says what must follow. `unfinished` is None
    where the text before is faulty, and in what a reason quotes.
    """

    start: int
    chain: tuple[str, ...]
    statement: str
    asks: str
    around: str
    unfinished: Unfinished | None

    def before(self, terminal: str) -> object:
        """What stands right before the last token of that kind."""
        parts = self.parts
        at = max((at for at, part in enumerate(parts) if is_mark(part, terminal)), default=0)
        return parts[at - 1] if at else None

    @property
    def parts(self) -> tuple[object, ...]:
        """The finished parts before the place, between tokens."""
        return self.unfinished.parts if self.unfinished else ()

    @property
    def template(self) -> str:
        """The template whose body this is; nothing elsewhere."""
        found = _TEMPLATE.match(self.around)
        is_head = any(is_mark(part, "TEMPLATE") for part in self.parts)
        return found[1] if found and not is_head else ""

    @property
    def types(self) -> tuple[str, ...]:
        """The types behind the statement's `on`, be it before the place or after."""
        found = _ON.search(self.around)
        return tuple(_NAME.findall(found[1])) if found and found[1] != "any" else ()


def find_place(file: SourceFile, offset: int) -> Place | None:
    """The place at an offset; None in a comment, and in a string but for what a reason quotes."""
    line_start = file.text.rfind("\n", 0, offset) + 1
    before = file.text[line_start:offset]
    is_quoted = _QUOTED.search(before) is not None
    if not is_quoted and _is_inside(before):
        return None
    word = _WORD_BEHIND.search(before)
    start = offset - len(word[0]) if word else offset
    unfinished = None if is_quoted else read_unfinished(file, start)
    chain = _CHAIN.search(file.text, line_start, start)
    around = _around(file, offset)
    return Place(
        start=start,
        chain=tuple(_NAME.findall(chain[0])) if chain else (),
        statement=next((word for word in _NAME.findall(around) if word not in _HEADS), ""),
        asks="REASON" if is_quoted else _asks(unfinished),
        around=around,
        unfinished=unfinished,
    )


def _around(file: SourceFile, offset: int) -> str:
    """The statement that a place is in, up to the next or to a blank line."""
    starts = statement_starts(file.text)
    at = bisect_right(starts, offset)
    end = starts[at] if at < len(starts) else len(file.text)
    blank = file.text.find("\n\n", offset, end)
    return file.text[starts[at - 1] if at else 0 : blank if blank >= 0 else end]


def is_mark(part: object, *terminals: str) -> bool:
    """Whether a part is a token of one of those kinds."""
    return isinstance(part, Mark) and part.terminal in terminals


def scope_at(place: Place, index: Index, module: str) -> Scope:
    """The scope of what is written at a place."""
    whole = index.scope(module)
    resources = tuple(type_ for type_ in place.types if type_ in whole.symbols.schema.types) or whole.resources
    return Scope(whole.symbols, module, resources, whole.principals, known=whole.known)


def opposite(place: Place) -> Expression | None:
    """What stands on the other side of the operator before the place, be it in the operator's list."""
    parts = list(place.parts)
    while parts and (is_mark(parts[-1], "COMMA") or isinstance(parts[-1], Expression)):
        parts.pop()
    parts = parts[:-1] if parts and is_mark(parts[-1], "LSQB") else list(place.parts)
    operators = 0
    while parts and isinstance(parts[-1], Mark) and parts[-1].text in _OPERATORS:
        parts.pop()
        operators += 1
    return parts[-1] if operators and parts and isinstance(parts[-1], Expression) else None


def _is_inside(before: str) -> bool:
    """Whether a line breaks off in a string or a comment."""
    return any(len(found[0]) == 1 for found in _COMMENT_OR_STRING.finditer(before))


def _asks(unfinished: Unfinished | None) -> str:
    marks = [part.terminal for part in unfinished.parts if isinstance(part, Mark)] if unfinished else []
    return next((terminal for terminal in reversed(marks) if terminal not in _PASSED), "")
