"""Reads remarks that allow a lint at one place, `# allow W401: why`, and holds them to be of use.

Behind something, a remark is for what is found on its line; on a line of its own, for the line below, and for all of
the statement that begins there.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from policy_lang.diagnostics import Diagnostic, did_you_mean
from policy_lang.linting.plain_text import plain_texts
from policy_lang.linting.subject import head
from policy_lang.source import SourceFile, Span
from policy_lang.syntax.statements import File

_REMARK: Final = re.compile(r"#\s*allow\s+(?P<codes>[A-Z]\d{3}(?:\s*,\s*[A-Z]\d{3})*)\s*(?P<why>:\s*\S.*)?")
_CODE: Final = re.compile(r"[A-Z]\d{3}")


@dataclass(frozen=True, slots=True)
class Remark:
    """A code that is allowed, where that is said, and from which line to which it counts."""

    code: str
    span: Span
    first: int
    last: int

    def allows(self, found: Diagnostic) -> bool:
        """Whether a finding is one that this allows."""
        if found.code != self.code or found.span.file.path != self.span.file.path:
            return False
        return self.first <= found.span.file.position(found.span.start).line <= self.last


def allowed(found: tuple[Diagnostic, ...], trees: tuple[File, ...], known: Collection[str]) -> Iterator[Diagnostic]:
    """The findings that no remark allows, and what is wrong with remarks."""
    left = set(found)
    for tree in trees:
        file = tree.module.span.file
        if "allow" not in file.text:
            continue
        for remark in _remarks(file, tree):
            if isinstance(remark, Diagnostic):
                yield remark
                continue
            if remark.code not in known:
                help_ = did_you_mean(remark.code, known) or "only lints can be allowed"
                yield Diagnostic("E602", f"no lint is called `{remark.code}`", remark.span, help_)
                continue
            hits = {each for each in found if remark.allows(each)}
            left -= hits
            if not hits:
                yield Diagnostic("E601", f"`{remark.code}` is allowed and not found here", remark.span, "remove it")
    yield from left


def _remarks(file: SourceFile, tree: File) -> Iterator[Remark | Diagnostic]:
    heads = sorted({file.position(head(statement).start).line for statement in tree.statements})
    for text in plain_texts(file):
        found = _REMARK.fullmatch(text.span.text.rstrip()) if text.is_comment else None
        if found is None:
            continue
        if found["why"] is None:
            message = "the remark does not say why"
            yield Diagnostic("E602", message, text.span, f"write `{text.span.text.rstrip()}: …`")
        first, last = _lines(file, text.span, heads)
        for code in _CODE.finditer(found["codes"]):
            at = text.span.start + found.start("codes")
            yield Remark(code.group(), Span(file, at + code.start(), at + code.end()), first, last)


def _lines(file: SourceFile, remark: Span, heads: list[int]) -> tuple[int, int]:
    """The lines that a remark counts for."""
    line = file.position(remark.start).line
    if not file.line(line).lstrip().startswith("#"):
        return line, line
    line += 1
    while line < file.line_count and file.line(line).strip()[:1] in {"", "#"}:
        line += 1
    if line not in heads:
        return line, line
    after = bisect_right(heads, line)
    return line, heads[after] - 1 if after < len(heads) else file.line_count
