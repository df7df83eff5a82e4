"""Lints strings and comments that show something else than they hold."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.lookalikes import is_mixed, skeleton
from policy_lang.linting.plain_text import PlainText, plain_texts
from policy_lang.linting.subject import Subject
from policy_lang.source import SourceFile, Span

_WORD: Final = re.compile(r"\w+")
_ODD: Final = re.compile(r"[^\t\r\n -~]")
"""What is not printed on every keyboard."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""What joins letters, or keeps them apart, in scripts that need it; comments may."""


def lint_characters(subject: Subject) -> Iterator[Diagnostic]:
    """Letters that look like others, characters that do not show, text that is put together otherwise than it looks."""
    odd = [file for file in subject.files if _ODD.search(file.text)]
    known = _shapes(subject.files) if odd else {}
    for file in odd:
        for text in plain_texts(file):
            yield from _hidden(text)
            if not text.span.text.isascii():
                yield from _lookalikes(text, known)
                if not text.is_comment and not unicodedata.is_normalized("NFC", text.span.text):
                    message = "this string is put together otherwise than keyboards do"
                    help_ = "strings are equal only if identical: write it in Unicode's normal form C"
                    yield warning("W503", message, text.span, help_)


def _shapes(files: tuple[SourceFile, ...]) -> Mapping[str, str]:
    """What each ASCII string of the bundle looks like → the string."""
    texts = (text.span.text for file in files for text in plain_texts(file) if not text.is_comment)
    return {skeleton(text): text for text in texts if text.isascii()}


def _hidden(text: PlainText) -> Iterator[Diagnostic]:
    for found in _ODD.finditer(text.span.text):
        char, at = found.group(), text.span.start + found.start()
        if text.is_comment and char in _JOINERS:
            continue
        if unicodedata.category(char) in {"Cf", "Cc", "Zl", "Zp", "Zs", "Co", "Cn"}:
            name = unicodedata.name(char, "no name").lower()
            message = f"U+{ord(char):04X} ({name}) stands here and does not show"
            yield warning("W502", message, Span(text.span.file, at, at + 1), _visibly(text, char))


def _visibly(text: PlainText, char: str) -> str:
    if text.is_comment or ord(char) > 0xFFFF:
        return "remove it"
    return f"remove it, or write `\\u{ord(char):04x}`, which shows"


def _lookalikes(text: PlainText, known: Mapping[str, str]) -> Iterator[Diagnostic]:
    for word in _WORD.finditer(text.span.text):
        if not word.group().isascii() and is_mixed(word.group()):
            span = Span(text.span.file, text.span.start + word.start(), text.span.start + word.end())
            message = f"`{word.group()}` has letters of several alphabets that look alike"
            yield warning("W501", message, span, f"it looks like `{skeleton(word.group())}`")
            return
    twin = None if text.is_comment else known.get(skeleton(text.span.text))
    if twin is not None:
        message = f"this string looks like {twin}, and is another"
        yield warning("W501", message, text.span, "write both in the same alphabet")
