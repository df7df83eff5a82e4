"""Finds the strings and comments of a file: the text in it that the grammar does not look into."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy_lang.source import SourceFile, Span

_TEXT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')


@dataclass(frozen=True, slots=True)
class PlainText:
    """A string, in its quotes, or a comment."""

    span: Span
    is_comment: bool


def plain_texts(file: SourceFile) -> Iterator[PlainText]:
    """The strings and comments of a file, in their order."""
    for found in _TEXT.finditer(file.text):
        yield PlainText(Span(file, found.start(), found.end()), found.group().startswith("#"))
