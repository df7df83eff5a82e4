"""Reads the text of a reason: plain text, and between braces the names whose values it quotes.

A brace that is meant as one is written twice, as in `{{`.
"""

import re
from collections.abc import Iterator
from typing import Final

from policy_lang.limits import QUOTES_LIMIT
from policy_lang.source import Span
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.syntax.reading import READING, Lexeme, quoted, span_of, unescaped
from policy_lang.syntax.statements import ReasonText

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|(?:\\.|[^\\{}])+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_WORD: Final = re.compile(r"[^.]+")

_HELP: Final = "a path between braces is quoted: `{resource.region}`; a brace itself is written twice: `{{`"


def read_reason(token: Lexeme) -> ReasonText:
    """The text and its parts; braces that hold no name, and too many of them, are noted as faults."""
    parts = tuple(_joined(_pieces(token)))
    names = [part for part in parts if not isinstance(part, str)]
    if len(names) > QUOTES_LIMIT:
        READING.get().refuse("E409", f"a reason quotes at most {QUOTES_LIMIT} values", names[QUOTES_LIMIT].span)
    return ReasonText(quoted(token), parts)


def _pieces(token: Lexeme) -> Iterator[str | Name]:
    whole = span_of(token)
    start = whole.start + 1
    for found in _PIECE.finditer(str(token)[1:-1]):
        span = Span(whole.file, start + found.start(), start + found.end())
        match found.group():
            case "{{" | "}}" as brace:
                yield brace[0]
            case "{" | "}" as brace:
                READING.get().refuse("E108", f"a `{brace}` alone", span, _HELP)
            case _ if (inner := found.group(1)) is not None:
                if _NAME.fullmatch(inner):
                    yield _name(inner, span)
                else:
                    READING.get().refuse("E108", f"`{found.group()}` quotes nothing", span, _HELP)
            case text:
                yield unescaped(text, span)


def _name(text: str, span: Span) -> Name:
    """The name between braces, each of its parts in its place."""
    at = span.start + 1
    words = (Word(part.group(), Span(span.file, at + part.start(), at + part.end())) for part in _WORD.finditer(text))
    return Name(tuple(words), Span(span.file, at, span.end - 1))


def _joined(pieces: Iterator[str | Name]) -> Iterator[str | Expression]:
    """The pieces, plain text beside plain text made one."""
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            yield text
        yield piece
        text = ""
    if text:
        yield text
