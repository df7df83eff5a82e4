"""Finds what stands between tokens: comments and blank lines.

Separators (`,` and `;`) carry no comments: what stands before one counts as standing behind it, so that a separator
more or less moves no comment from its place.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from policy_lang.syntax.concrete import Leaf

SEPARATORS: Final = frozenset({",", ";"})

_TRIVIA: Final = re.compile(r"#[^\n]*|\n|[,;]")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own; `is_apart` if a blank line stands before it."""

    text: str
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands before a token: a comment behind the token before, those on their own lines, a blank line."""

    remark: str = ""
    comments: tuple[Comment, ...] = ()
    is_apart: bool = False

    @property
    def begins_apart(self) -> bool:
        """Whether a blank line parts what stands here from what stands before."""
        return self.comments[0].is_apart if self.comments else self.is_apart

    @property
    def texts(self) -> tuple[str, ...]:
        """The comments in their order."""
        own = tuple(comment.text for comment in self.comments)
        return (self.remark, *own) if self.remark else own


class Trivia:
    """The gaps of a file: one before each token that is no separator, and one before the end of the file."""

    def __init__(self, text: str, tokens: Iterable[Leaf]) -> None:
        self._tokens = tuple(token for token in tokens if token.text not in SEPARATORS)
        self._starts = [token.start for token in self._tokens]
        self.gaps = tuple(_gaps(text, self._tokens))
        self._counts = tuple(accumulate((len(gap.texts) for gap in self.gaps), initial=0))

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens that are no separators."""
        return tuple(token.text for token in self._tokens)

    @property
    def comments(self) -> tuple[str, ...]:
        """All comments in their order."""
        return tuple(text for gap in self.gaps for text in gap.texts)

    @property
    def end(self) -> Gap:
        """What stands before the end of the file."""
        return self.gaps[-1]

    def before(self, token: Leaf) -> Gap:
        """What stands before a token."""
        return self.gaps[self._index(token)]

    def after(self, token: Leaf) -> Gap:
        """What stands behind a token, up to the next."""
        return self.gaps[self._index(token) + 1]

    def is_commented(self, first: Leaf, last: Leaf) -> bool:
        """Whether a comment stands between two tokens."""
        return self._counts[self._index(first) + 1] != self._counts[self._index(last) + 1]

    def _index(self, token: Leaf) -> int:
        """Of the token; of the one before, if it is a separator."""
        return bisect_right(self._starts, token.start) - 1


def _gaps(text: str, tokens: Sequence[Leaf]) -> Iterator[Gap]:
    end = 0
    for token in tokens:
        yield _gap(text, end, token.start)
        end = token.end
    yield _gap(text, end, len(text))


def _gap(text: str, start: int, end: int) -> Gap:
    if end - start <= 1:
        return Gap()
    remark, newlines = "", 0
    comments: list[Comment] = []
    for found in _TRIVIA.finditer(text, start, end):
        match found.group():
            case "\n":
                newlines += 1
            case "," | ";":
                newlines = newlines if remark or comments else 0
            case comment if start and not (newlines or remark or comments):
                remark = comment.rstrip()
            case comment:
                comments.append(Comment(comment.rstrip(), newlines > 1))
                newlines = 0
    return Gap(remark, tuple(comments), newlines > 1)
