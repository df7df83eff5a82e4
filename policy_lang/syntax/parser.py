"""Turns policy text into its tree; gives every fault of a file, not the first alone.

The parser works on a stack of its own, so that no depth of text makes Python recurse.
"""

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import lark
from lark import Lark, TextSlice
from lark.exceptions import UnexpectedInput

from policy_lang.diagnostics import Diagnostic
from policy_lang.limits import FILE_LIMIT
from policy_lang.source import SourceFile, Span
from policy_lang.syntax.case_builder import PolicyBuilder
from policy_lang.syntax.reading import READING, Reading
from policy_lang.syntax.statements import File
from policy_lang.syntax.syntax_errors import explain

TABLES: Final = files("policy_lang.syntax").joinpath("grammar.tables")
"""The parser as `make grammar` made it, behind the key of its grammar. It is trusted as the code beside it is."""

_GRAMMAR: Final = files("policy_lang.syntax").joinpath("grammar.lark")
_FAULT_LIMIT: Final = 50
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
_STATEMENT_START: Final = re.compile(
    r"^(?=(?:(?:tenant|principal)\s+)*type\b|context\s*\{|actions\b|group\b|role\b|relation\b|let\b"
    r"|(?:shadow\s+)?(?:rule|use)\b|template\b|fixture\b|test\b)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file gave: its tree, or its faults."""

    file: SourceFile
    tree: File | None
    faults: tuple[Diagnostic, ...]


def parse(file: SourceFile) -> Parsed:
    """The tree of a file's text, or everything that is wrong with it."""
    if len(file.text) > FILE_LIMIT:
        message = f"a file has at most {FILE_LIMIT} characters (this one has {len(file.text)})"
        return Parsed(file, None, (Diagnostic("E401", message, Span(file, 0, 1), "split it"),))
    if lone := _LONE_RETURN.search(file.text):
        # Editors end a line here and the grammar does not: a comment before it would hide the rule that shows behind.
        span = Span(file, *lone.span())
        return Parsed(
            file, None, (Diagnostic("E100", "a carriage return by itself", span, "end lines in LF or CR LF"),)
        )
    reading = Reading(file)
    token = READING.set(reading)
    try:
        tree = _read(reading)
    finally:
        READING.reset(token)
    return Parsed(file, None if reading.faults else tree, tuple(dict.fromkeys(reading.faults)))


def _read(reading: Reading) -> File | None:
    """The tree, when all is well; after a fault the rest is read from the next statement on, for its faults alone."""
    text = reading.file.text
    start, symbol, tree = 0, "file", None
    while len(reading.faults) < _FAULT_LIMIT:
        try:
            found = language().parse(TextSlice(text, start, len(text)), start=symbol)
        except UnexpectedInput as error:
            fault = explain(error, reading.file)
            reading.faults.append(fault)
            # A word that begins a statement may have been taken for a name: its line is looked at again.
            line = text.rfind("\n", 0, fault.span.start) + 1
            resume = _STATEMENT_START.search(text, max(line, start + 1))
            if resume is None:
                return None
            start, symbol = resume.start(), "rest"
        else:
            if isinstance(found, File):
                tree = found
            break
    return tree


def statement_starts(text: str) -> list[int]:
    """Where lines begin that begin a statement, as far as their first words say."""
    return [found.start() for found in _STATEMENT_START.finditer(text)]


@cache
def language() -> Lark:
    """The parser of files, and of what is left of one (`rest`); it builds the tree of the file in `READING`."""
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    kept = TABLES.read_bytes() if TABLES.is_file() else b""
    key = key_of(grammar)
    return Lark.load(io.BytesIO(kept.removeprefix(key))) if kept.startswith(key) else built(grammar)


def key_of(grammar: str) -> bytes:
    """What tables of that grammar begin with where the Lark that is installed made them."""
    return hashlib.sha256(f"{lark.__version__} {grammar}".encode()).digest()


def built(grammar: str) -> Lark:
    """The parser of the grammar, whose tables are made of it now: that takes a tenth of a second."""
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start=["file", "rest"],
        maybe_placeholders=True,
        transformer=Callbacks(),
    )


class Callbacks:
    """Hands the parts of a recognised rule to the builder's method of the same name."""

    def __init__(self) -> None:
        self._builder = PolicyBuilder()

    def __reduce__(self) -> tuple[type["Callbacks"], tuple[()]]:
        return Callbacks, ()

    def __getattr__(self, name: str) -> Callable[[Sequence[object]], object]:
        method: Callable[..., object] = getattr(self._builder, name)
        return lambda parts: method(*parts)
