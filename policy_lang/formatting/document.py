"""The document that a layout is described in: text, places where a line may end, and comments."""

from dataclasses import dataclass
from typing import TypeAlias

from policy_lang.formatting.trivia import Comment


@dataclass(frozen=True, slots=True)
class Text:
    """Text that stays on its line; `is_separator` may follow a token whose comment ends the line."""

    text: str
    is_separator: bool = False


@dataclass(frozen=True, slots=True)
class Space:
    """A space, where no line ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """The end of a line in a broken group, with a blank line after it if `is_apart`; `flat` in a group on one line."""

    flat: str
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Stands on one line if it fits and is not broken; otherwise all its own lines end."""

    inner: "Document"
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Indent:
    """The lines inside stand one step further in."""

    inner: "Document"


@dataclass(frozen=True, slots=True)
class WhenBroken:
    """A separator that stands in a broken group alone."""

    separator: Text


@dataclass(frozen=True, slots=True)
class OwnLines:
    """Comments on lines of their own before the next text; a blank line after them if `is_apart`."""

    comments: tuple[Comment, ...]
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment behind the text before it: it ends the line."""

    text: str


Document: TypeAlias = "Text | Space | Line | Group | Indent | WhenBroken | OwnLines | Remark | tuple[Document, ...]"
