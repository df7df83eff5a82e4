"""The pieces that layouts are made of: tokens with their comments, lists with brackets and without."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.formatting.document import Document, Group, Indent, Line, OwnLines, Remark, Space, Text, WhenBroken
from policy_lang.formatting.trivia import SEPARATORS, Trivia
from policy_lang.syntax.concrete import Branch, Leaf, Part

_TIGHT: Final = frozenset({":", "?"})
"""Tokens with no space before them."""
_LISTS: Final = frozenset(
    {"attributes", "grants", "cells", "cell_values", "items", "parameters", "template_parameters", "words_in_brackets"}
)
"""Rules of the grammar that are the inside of brackets."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """How a list in brackets is laid out: what parts its items, and what stands inside its brackets on one line."""

    separator: str = ","
    padding: str = ""
    ends_with_separator: bool = True
    is_broken: bool = False


class Pieces:
    """Lays out the parts of one file's tree, each by the form of its rule; parts without a form are spaced."""

    def __init__(self, trivia: Trivia, forms: "Mapping[str, Form]") -> None:
        self._trivia = trivia
        self._forms = forms

    def document(self, part: Part) -> Document:
        """The document of a part."""
        if isinstance(part, Leaf):
            return self._token(part)
        form = self._forms.get(part.kind)
        return form(self, part) if form else self.spaced(part.parts)

    def spaced(self, parts: Sequence[Part]) -> Document:
        """The parts with a space between two, save before a colon."""
        return tuple(self._spaced(parts))

    def glued(self, parts: Sequence[Part]) -> Document:
        """The parts with nothing between them."""
        return tuple(self.document(part) for part in parts)

    def group(self, part: Part, inner: Document) -> Group:
        """A group, broken where a comment stands inside the part."""
        return Group(inner, self.is_commented(part, part))

    def is_commented(self, first: Part, last: Part) -> bool:
        """Whether a comment stands inside what begins with the one part and ends with the other."""
        return self._trivia.is_commented(first_leaf(first), _last_leaf(last))

    def listed(self, branch: Branch, parts: Sequence[Part]) -> Document:
        """Items without brackets: on one line, or one to a line, those after the first two steps in."""
        first, *others = (part for part in parts if not is_separator(part))
        rest = tuple((Text(",", is_separator=True), Line(" "), self.document(other)) for other in others)
        return self.group(branch, (self.document(first), Indent(Indent(rest))))

    def bracketed(self, parts: Sequence[Part], style: Brackets) -> Document:
        """Items in brackets, `parts` from the left one to the right one: on one line, or one to a line."""
        left, right = first_leaf(parts[0]), first_leaf(parts[-1])
        items = [item for item in _items(parts[1:-1]) if not is_separator(item)]
        gap = self._trivia.before(right)
        if not items and not gap.texts:
            return (self._token(left), Text(right.text), self._remark(right))
        inside: list[Document] = []
        for number, item in enumerate(items):
            inside += (self._line_before(item, number, style), self.document(item))
            if number < len(items) - 1:
                inside.append(Text(style.separator, is_separator=True))
            elif style.ends_with_separator:
                inside.append(WhenBroken(Text(style.separator, is_separator=True)))
        if gap.comments:
            inside += (Line("", bool(items) and gap.begins_apart), OwnLines(gap.comments, is_apart=False))
        is_broken = style.is_broken or self._trivia.is_commented(left, right)
        right_side = (Line(style.padding), Text(right.text), self._remark(right))
        return Group((self._token(left), Indent(tuple(inside)), right_side), is_broken)

    def paragraphs(self, parts: Sequence[Part]) -> Document:
        """Each part on a line of its own, with what hangs on it; a blank line between two where the text has any."""
        return tuple(
            (Line("", number > 0 and self._begins_apart(part)), self.document(part), self._hanging(part))
            for number, part in enumerate(parts)
        )

    def end_of_file(self) -> Document:
        """The comments behind all else."""
        gap = self._trivia.end
        return (Line("", gap.begins_apart), OwnLines(gap.comments, is_apart=False)) if gap.comments else ()

    def _hanging(self, part: Part) -> Document:
        comments = self._trivia.after(_last_leaf(part)).hanging
        return Indent((Line(""), OwnLines(comments, is_apart=False))) if comments else ()

    def _line_before(self, item: Part, number: int, style: Brackets) -> Line:
        return Line(" ", self._begins_apart(item)) if number else Line(style.padding)

    def _begins_apart(self, part: Part) -> bool:
        return self._trivia.before(first_leaf(part)).begins_apart

    def _spaced(self, parts: Sequence[Part]) -> Iterator[Document]:
        for number, part in enumerate(parts):
            if number and not (isinstance(part, Leaf) and part.text in _TIGHT):
                yield Space()
            yield self.document(part)

    def _token(self, leaf: Leaf) -> Document:
        gap = self._trivia.before(leaf)
        token = (Text(leaf.text), self._remark(leaf))
        return (OwnLines(gap.comments, gap.is_apart), *token) if gap.comments else token

    def _remark(self, leaf: Leaf) -> Document:
        remark = self._trivia.after(leaf).remark
        return Remark(remark) if remark else ()


Form = Callable[[Pieces, Branch], Document]
"""Lays out what one rule of the grammar recognised."""


def is_separator(part: Part) -> bool:
    """Whether the part is a comma or a semicolon."""
    return isinstance(part, Leaf) and part.text in SEPARATORS


def first_leaf(part: Part) -> Leaf:
    """The first token of a part; every rule of the grammar that builds a branch has one."""
    while isinstance(part, Branch):
        part = part.parts[0]
    return part


def _last_leaf(part: Part) -> Leaf:
    while isinstance(part, Branch):
        part = part.parts[-1]
    return part


def _items(parts: Sequence[Part]) -> Sequence[Part]:
    """What stands in the brackets, without the rule of the grammar that gathers it."""
    match parts:
        case [Branch(kind, inner)] if kind in _LISTS:
            return inner
        case _:
            return parts
