"""Reads as much as there is of a file that does not parse: every statement that is sound by itself.

The parser wants whole files; an editor mostly holds one in which somebody is typing. Positions are those of the text in
hand, so that what is read this way can be pointed at.
"""

import re
from itertools import pairwise
from typing import Final

from lark import TextSlice
from lark.exceptions import UnexpectedInput

from policy_lang.source import SourceFile, Span
from policy_lang.syntax.ast import Word
from policy_lang.syntax.parser import language, statement_starts
from policy_lang.syntax.reading import READING, Reading
from policy_lang.syntax.statements import File, Statement

_MODULE: Final = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*module\s+([A-Za-z_][A-Za-z0-9_]*)")
_TOO_DEEP: Final = "E402"


def read_partial(file: SourceFile) -> File | None:
    """The module and the sound statements of a file; None where it does not say its module."""
    module = _MODULE.match(file.text)
    if module is None:
        return None
    starts = statement_starts(file.text)
    found = [statement for start, end in pairwise([*starts, len(file.text)]) for statement in _read(file, start, end)]
    return File(Word(module[1], Span(file, module.start(1), module.end(1))), tuple(found))


def _read(file: SourceFile, start: int, end: int) -> tuple[Statement, ...]:
    """The statements of a stretch, or none; what is nested too deep is left out, because trees are walked."""
    reading = Reading(file)
    token = READING.set(reading)
    try:
        found = language().parse(TextSlice(file.text, start, end), start="rest")
    except UnexpectedInput:
        return ()
    finally:
        READING.reset(token)
    if not isinstance(found, tuple) or any(fault.code == _TOO_DEEP for fault in reading.faults):
        return ()
    return tuple(part for part in found if isinstance(part, Statement))
