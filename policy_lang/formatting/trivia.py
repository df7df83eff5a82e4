"""Finds what stands between tokens: comments and blank lines.

Separators (`,` and `;`) carry no comments: what stands before one counts as standing behind it, so that a separator
more or less moves no comment from its place.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile
from typing import Final

from policy_lang.syntax.concrete import Branch, Leaf, leaves

SEPARATORS: Final = frozenset({",", ";"})

_BLANKS: Final = frozenset(" \t")
_TRIVIA: Final = re.compile(r"#[^\n]*|\n|[,;]")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own: whether a blank line stands before it, and whether its line begins with space."""

    text: str
    is_apart: bool
    is_set_in: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands before a token: a comment behind the token before, those on their own lines, a blank line.

    Before a statement, comments that are set in below the one before it hang on that: a clause put out of use, say.
    """

    remark: str = ""
    hanging: tuple[Comment, ...] = ()
    comments: tuple[Comment, ...] = ()
    is_apart: bool = False

    @property
    def begins_apart(self) -> bool:
        """Whether a blank line parts what stands here from what stands before."""
        return self.comments[0].is_apart if self.comments else self.is_apart

    @property
    def texts(self) -> tuple[str, ...]:
        """The comments in their order."""
        own = tuple(comment.text for comment in (*self.hanging, *self.comments))
        return (self.remark, *own) if self.remark else own


class Trivia:
    """The gaps of a file: one before each token that is no separator, and one before the end of the file."""

    def __init__(self, text: str, file: Branch) -> None:
        self._tokens = tuple(token for token in leaves(file) if token.text not in SEPARATORS)
        self._starts = [token.start for token in self._tokens]
        _, *statements = file.parts
        ends = frozenset(next(leaves(part)).start for part in statements[1:]) | ({len(text)} if statements else set())
        self.gaps = tuple(_hung(gap) if end in ends else gap for end, gap in _gaps(text, self._tokens))
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


def _gaps(text: str, tokens: Sequence[Leaf]) -> Iterator[tuple[int, Gap]]:
    """Each gap, behind the place where it ends."""
    end = 0
    for token in tokens:
        yield token.start, _gap(text, end, token.start)
        end = token.end
    yield len(text), _gap(text, end, len(text))


def _hung(gap: Gap) -> Gap:
    """The gap, its first comments hanging as far as they are set in and no blank line stands before them."""
    hanging = tuple(takewhile(lambda comment: comment.is_set_in and not comment.is_apart, gap.comments))
    return replace(gap, hanging=hanging, comments=gap.comments[len(hanging) :])


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
                comments.append(Comment(comment.rstrip(), newlines > 1, text[found.start() - 1] in _BLANKS))
                newlines = 0
    return Gap(remark, comments=tuple(comments), is_apart=newlines > 1)
