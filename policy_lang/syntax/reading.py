"""Reads tokens: where they stand in the file in hand, the values of literals, and the faults found on the way."""

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from policy_lang.diagnostics import Diagnostic
from policy_lang.forms import read_given
from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.notation import INT_LIMIT, BadValue, parse_decimal, parse_duration, parse_timestamp
from policy_lang.source import SourceFile, Span
from policy_lang.syntax.ast import Literal, Quoted, Word
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    IntType,
    IpType,
    NetworkType,
    StringType,
    TimestampType,
    Type,
)
from policy_lang.values import Record, Scalar


class Lexeme(Protocol):
    """A token: a string that knows where it stands."""

    @property
    def start_pos(self) -> int | None:
        """Where it begins, in characters from the start of the file."""
        ...

    @property
    def end_pos(self) -> int | None:
        """Where it ends."""
        ...

    @property
    def type(self) -> str:
        """The terminal that it is."""
        ...


@dataclass(slots=True)
class Reading:
    """The file that is being read, and the faults found in it so far."""

    file: SourceFile
    faults: list[Diagnostic] = field(default_factory=list)

    def refuse(self, code: str, message: str, span: Span, help_: str = "") -> None:
        """Notes a fault."""
        self.faults.append(Diagnostic(code, message, span, help_))


READING: Final[ContextVar[Reading]] = ContextVar("READING")
"""What the builder works on; the parser, with its tables, is built once and shared."""

_T = TypeVar("_T")
_ESCAPE: Final = re.compile(r'\\(?:(["\\/])|(n)|(t)|u([0-9A-Fa-f]{4})|(.|$))')


def span_of(token: Lexeme) -> Span:
    """Where a token stands."""
    return Span(READING.get().file, token.start_pos or 0, token.end_pos or 0)


def between(first: Span, last: Span) -> Span:
    """From the start of one span to the end of another."""
    return Span(first.file, first.start, last.end)


def word(token: Lexeme) -> Word:
    """The name that a token is."""
    return Word(str(token), span_of(token))


def quoted(token: Lexeme) -> Quoted:
    """The text that a string token stands for, its escapes read."""
    span = span_of(token)
    text = unescaped(str(token)[1:-1], span)
    _read_as(text, span, _string, "")
    return Quoted(text, span)


def unescaped(raw: str, span: Span) -> str:
    """A string's text, or a part of it, its escapes read."""
    return _ESCAPE.sub(lambda found: _escaped(found, span), raw) if "\\" in raw else raw


def literal(token: Lexeme) -> Literal:
    """A literal of one token, by the token's kind."""
    span, text = span_of(token), str(token)
    match token.type:
        case "TRUE" | "FALSE":
            return Literal(token.type == "TRUE", BoolType(), span)
        case "STRING":
            return Literal(quoted(token).text, StringType(), span)
        case "INT":
            return Literal(_whole(text, span), IntType(), span)
        case "DECIMAL":
            return Literal(_read_as(text, span, parse_decimal, 0), DecimalType(), span)
        case "DURATION":
            return Literal(_read_as(text, span, parse_duration, 0), DurationType(), span)
        case "TIMESTAMP":
            return Literal(_read_as(text, span, parse_timestamp, 0), TimestampType(), span)
        case _:
            type_: Type = NetworkType() if "/" in text else IpType()
            stand_in: Scalar = 0
            return Literal(_read_as(text, span, lambda written: _scalar(type_, written), stand_in), type_, span)


def deeper_record(span: Span, below: Iterable[int], limit: int = RECORD_NESTING_LIMIT) -> int:
    """One more than the deepest of the records in one; past the limit a fault, once for a whole tower."""
    deepest = max(below, default=0)
    if deepest == limit:
        start = Span(span.file, span.start, span.start + 1)
        READING.get().refuse("E402", f"records nest at most {RECORD_NESTING_LIMIT} deep", start, "make it a type")
    return deepest + 1


def _whole(text: str, span: Span) -> int:
    value = int(text) if len(text) <= len(str(INT_LIMIT)) else INT_LIMIT + 1
    if value > INT_LIMIT:
        READING.get().refuse("E103", f"expected a whole number within ±{INT_LIMIT}", span)
        return 0
    return value


def _string(written: str) -> str:
    read_given(StringType(), written)
    return written


def _scalar(type_: Type, written: str) -> Scalar:
    value = read_given(type_, written)
    if isinstance(value, frozenset | Record):
        raise BadValue(f"expected {type_}")
    return value


def _read_as(text: str, span: Span, read: Callable[[str], _T], stand_in: _T) -> _T:
    try:
        return read(text)
    except BadValue as error:
        READING.get().refuse("E103", str(error), span)
        return stand_in


def _escaped(found: re.Match[str], span: Span) -> str:
    same, newline, tab, code, _ = found.groups()
    if same:
        return str(same)
    if newline or tab:
        return "\n" if newline else "\t"
    if code:
        return chr(int(code, 16))
    READING.get().refuse(
        "E103", f"unknown escape `{found.group()}`", span, r"a string knows `\"`, `\\`, `\n`, `\t` and `\u0041`"
    )
    return ""
