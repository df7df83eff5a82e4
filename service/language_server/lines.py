"""Turns places in text into the protocol's lines and columns, and back.

A line ends in LF, CR LF or CR, as the protocol says; a column counts units of the encoding that both sides agreed on,
UTF-16 where they said nothing.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from lsprotocol.types import Position, PositionEncodingKind, Range

_END: Final = re.compile(r"\r\n|\n|\r")


def _utf8(char: str) -> int:
    return len(char.encode("utf-8", "surrogatepass"))


def _utf16(char: str) -> int:
    return 2 if ord(char) > 0xFFFF else 1


def _utf32(_: str) -> int:
    return 1


UNITS: Final[Mapping[str, Callable[[str], int]]] = {
    PositionEncodingKind.Utf8.value: _utf8,
    PositionEncodingKind.Utf16.value: _utf16,
    PositionEncodingKind.Utf32.value: _utf32,
}
"""Encoding → how many units a character has in it."""


class Lines:
    """The lines of a text."""

    def __init__(self, text: str, encoding: str) -> None:
        self._text = text
        self._units = UNITS[encoding]
        ends = list(_END.finditer(text))
        self._starts = [0, *(found.end() for found in ends)]
        self._ends = [*(found.start() for found in ends), len(text)]

    def position(self, offset: int) -> Position:
        """The position of a character; of one within a line's end, the end of the line."""
        line = bisect_right(self._starts, offset) - 1
        start, end = self._starts[line], min(offset, self._ends[line])
        return Position(line, sum(map(self._units, self._text[start:end])))

    def range(self, start: int, end: int) -> Range:
        """The range of what stands between two places."""
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """The character at a position; the end of the line or the text where it has no such column or line."""
        if position.line >= len(self._starts):
            return len(self._text)
        at, end = self._starts[position.line], self._ends[position.line]
        column = 0
        while at < end and column < position.character:
            column += self._units(self._text[at])
            at += 1
        return at
