"""Prints a document within a width; takes time in proportion to it, and a stack of its own."""

from collections.abc import Sequence
from typing import Final

from policy_lang.formatting.document import Document, Group, Indent, Line, OwnLines, Remark, Space, Text, WhenBroken
from policy_lang.formatting.trivia import Comment

WIDTH: Final = 120
"""Columns of a line, in code points; a comment, a string or a name may be longer."""
_STEP: Final = 2

_Entry = tuple[int, bool, Document]
"""How far in, whether lines end, what."""


def printed(document: Document) -> str:
    """The text of a document, whose outermost lines end."""
    page = _Page()
    stack: list[_Entry] = [(0, True, document)]
    while stack:
        indent, is_broken, found = stack.pop()
        match found:
            case tuple():
                stack.extend((indent, is_broken, part) for part in reversed(found))
            case Text(text, is_separator):
                page.write(text, indent, is_separator=is_separator)
            case Space():
                page.space(" ")
            case Line(flat, is_apart):
                page.end_line(indent, is_apart=is_apart) if is_broken else page.space(flat)
            case Group(inner, is_forced):
                stack.append((indent, is_forced or not _fits(inner, WIDTH - page.column, stack), inner))
            case Indent(inner):
                stack.append((indent + _STEP, is_broken, inner))
            case WhenBroken(separator):
                if is_broken:
                    page.write(separator.text, indent, is_separator=True)
            case OwnLines(comments, is_apart):
                page.comment(comments, indent, is_apart=is_apart)
            case Remark(text):
                page.remark(text)
    return page.finish()


class _Page:
    """The text so far, and what waits for the next: a space, the comment behind a line, the start of a new one."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._space = ""
        self._remark = ""
        self._is_fresh, self._is_apart, self._indent = True, False, 0
        self._width = 0

    @property
    def column(self) -> int:
        """Where the next text would stand, from 0."""
        return self._indent if self._is_fresh else self._width + len(self._space)

    def write(self, text: str, indent: int, *, is_separator: bool = False) -> None:
        """Text on this line, or on the next where a comment ends this one."""
        if self._remark and not is_separator:
            self.end_line(indent + _STEP)
        if self._is_fresh:
            lead = ("\n" if self._is_apart and self._parts else "") + " " * self._indent
            self._width = self._indent
        else:
            lead = self._space
            self._width += len(lead)
        self._parts += (lead, text)
        self._width += len(text)
        self._is_fresh, self._is_apart, self._space = False, False, ""

    def space(self, text: str) -> None:
        """A space before the next text, unless a line ends first."""
        self._space = text

    def remark(self, text: str) -> None:
        """A comment behind this line, which it ends."""
        self._remark = text

    def end_line(self, indent: int, *, is_apart: bool = False) -> None:
        """The next text begins a line; a line without text is none."""
        if not self._is_fresh:
            self._parts.append(f"  {self._remark}\n" if self._remark else "\n")
        self._is_fresh, self._indent, self._is_apart = True, indent, self._is_apart or is_apart
        self._remark = self._space = ""

    def comment(self, comments: Sequence[Comment], indent: int, *, is_apart: bool) -> None:
        """Comments on lines of their own; in the midst of a line, that line ends first."""
        if not self._is_fresh:
            self.end_line(indent + _STEP)
        at = self._indent
        for number, comment in enumerate(comments):
            self._is_apart = self._is_apart or (number > 0 and comment.is_apart)
            self.write(comment.text, at)
            self.end_line(at)
        self._is_apart = is_apart

    def finish(self) -> str:
        """The whole text; its last line has an end."""
        self.end_line(0)
        return "".join(self._parts)


def _fits(document: Document, room: int, rest: Sequence[_Entry]) -> bool:
    """Whether a group fits on this line, and with it what must follow on the same line."""
    stack: list[tuple[bool, Document]] = [(False, document)]
    left, waiting = room, len(rest)
    while left >= 0:
        if not stack:
            if not waiting:
                return True
            waiting -= 1
            stack.append(rest[waiting][1:])
        is_broken, found = stack.pop()
        match found:
            case tuple():
                stack.extend((is_broken, part) for part in reversed(found))
            case Text(text):
                left -= len(text)
            case Space():
                left -= 1
            case Line() if is_broken:
                return True
            case Line(flat):
                left -= len(flat)
            case Group(inner, is_forced):
                stack.append((is_forced, inner))
            case Indent(inner):
                stack.append((is_broken, inner))
            case WhenBroken(separator):
                left -= len(separator.text) if is_broken else 0
            case OwnLines():
                if left < room:
                    return True
            case Remark():
                pass
    return False
