"""Writes Markdown in which text of policies stays text, whatever is in it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from policy_lang.excerpt import visible

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~#&!])")
_TICKS: Final = re.compile(r"`+")


def plain(text: str) -> str:
    """Text on one line, nothing of it markup."""
    return _SPECIAL.sub(r"\\\1", _line(text))


def code(text: str) -> str:
    """A code span on one line, whatever ticks and bars are in it."""
    line = _line(text).replace("|", "\\|")
    ticks = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def codes(texts: Iterable[str]) -> str:
    """Code spans with commas."""
    return ", ".join(map(code, texts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, and a blank one; nothing where there are no rows. Cells are Markdown already."""
    written = [f"| {' | '.join(row)} |" for row in rows]
    if not written:
        return []
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *written, ""]


def _line(text: str) -> str:
    return visible(" ".join(text.split()))
