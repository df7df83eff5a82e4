"""Where policy text stands: files, spans and positions."""

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Position:
    """A place for a reader: line and column, both from 1, the column in code points."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One policy file: its path as the reader knows it, and its text."""

    path: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0] + [at + 1 for at, char in enumerate(self.text) if char == "\n"]
        object.__setattr__(self, "_starts", tuple(starts))

    @property
    def line_count(self) -> int:
        """How many lines the text has."""
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """The position of a code point's offset."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, from 1, without its end."""
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file's text: code points from `start` up to, not including, `end`."""

    file: SourceFile = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The text that stands there."""
        return self.file.text[self.start : self.end]

    @property
    def location(self) -> str:
        """`path:line`, as reasons and records name it."""
        return f"{self.file.path}:{self.file.position(self.start).line}"
