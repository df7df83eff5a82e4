"""Finds all of a statement's text from a place in it."""

from bisect import bisect_right

from policy_lang.source import SourceFile, Span
from policy_lang.syntax.parser import statement_starts


def statement_around(span: Span) -> Span:
    """The statement that the span is part of, of a file that parses."""
    return whole_statement(span.file, statement_starts(span.file.text), span)


def whole_statement(file: SourceFile, starts: list[int], name: Span) -> Span:
    """From the line on which the name's statement begins to the end of its text, trailing comments left out.

    `starts` is where the file's statements begin.
    """
    at = bisect_right(starts, name.start)
    start = starts[at - 1] if at else 0
    end = starts[at] if at < len(starts) else len(file.text)
    lines = file.text[start:end].split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return Span(file, start, max(name.end, start + len("\n".join(lines).rstrip())))
