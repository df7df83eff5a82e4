"""Quotes the line on which a span starts, with the span underlined."""

from collections.abc import Iterator
from typing import Final

from policy_lang.source import Span

_WIDTH: Final = 200
"""How much of a line is shown."""


def visible(text: str) -> str:
    """The text with `�` for each character that would not show, or would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def excerpt(span: Span, notes: tuple[str, ...] = ()) -> Iterator[str]:
    """The place, the line, the underline, and notes behind them, each a line."""
    start = span.file.position(span.start)
    line, before = _shown(span.file.line(start.line), start.column - 1)
    width = max(1, min(span.end - span.start, len(line) - before))
    gutter = " " * len(str(start.line))
    visible_line = "\t".join(map(visible, line.split("\t")))
    lead = "".join("\t" if char == "\t" else " " for char in line[:before])
    yield f"{gutter}--> {visible(span.file.path)}:{start.line}:{start.column}"
    yield f"{gutter} |"
    yield f"{start.line} | {visible_line}"
    yield f"{gutter} | {lead}{'^' * width}"
    yield from (f"{gutter} = {visible(note)}" for note in notes)


def _shown(line: str, before: int) -> tuple[str, int]:
    """The part of a long line around a place, and how much of it stands before the place."""
    if len(line) <= _WIDTH:
        return line, before
    start = max(0, before - _WIDTH // 2)
    head, tail = ("…" if start else ""), ("…" if start + _WIDTH < len(line) else "")
    return f"{head}{line[start : start + _WIDTH]}{tail}", before - start + len(head)
