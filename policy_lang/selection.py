"""Selects tests by name, by a pattern of names, or by where they stand; UnknownTest for what means none."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import did_you_mean
from policy_lang.source import Span
from policy_lang.typed import TestCase


class UnknownTest(Exception):
    """No test is meant so. `pattern` is what was said."""

    def __init__(self, pattern: str, near: str) -> None:
        super().__init__(f"no test is called `{pattern}`, and none stands there" + (f"\nhelp: {near}" if near else ""))
        self.pattern = pattern


_PLACE: Final = re.compile(r"(?P<path>.+):(?P<line>[0-9]{1,9})")


def selected(bundle: Bundle, patterns: Sequence[str]) -> Bundle:
    """The bundle with those tests alone that some pattern means; UnknownTest for one that means none."""
    return replace(bundle, program=replace(bundle.program, tests=select(bundle.program.tests, patterns)))


def select(cases: Sequence[TestCase], patterns: Sequence[str]) -> tuple[TestCase, ...]:
    """The cases, or cells of a matrix, that some pattern means, in their order; UnknownTest for one that means none."""
    if not patterns:
        return tuple(cases)
    ends = _ends(cases)
    for pattern in patterns:
        if not any(_selected(cases, [pattern], ends)):
            near = did_you_mean(pattern, {case.name for case in cases})
            raise UnknownTest(pattern, near)
    return tuple(_selected(cases, patterns, ends))


def _ends(cases: Sequence[TestCase]) -> Mapping[Span, int]:
    """Test → the last line of its expectations."""
    ends: dict[Span, int] = {}
    for case in cases:
        lines = (each.span.file.position(each.span.start).line for each in case.expectations)
        ends[case.span] = max(ends.get(case.span, 0), *lines)
    return ends


def _selected(cases: Sequence[TestCase], patterns: Sequence[str], ends: Mapping[Span, int]) -> Iterator[TestCase]:
    for case in cases:
        if any(_means(pattern, case.name) or _stands_at(pattern, case, ends[case.span]) for pattern in patterns):
            yield case
            continue
        cells = tuple(
            each for each in case.expectations if any(_means(pattern, case.title(each.action)) for pattern in patterns)
        )
        if cells:
            yield replace(case, expectations=cells)


def _means(pattern: str, name: str) -> bool:
    return pattern == name or fnmatchcase(name, pattern)


def _stands_at(pattern: str, case: TestCase, last: int) -> bool:
    """Whether the pattern is a line of the test; its path may be seen from the folder of the policies or from above."""
    place = _PLACE.fullmatch(pattern)
    if place is None:
        return False
    file = case.span.file
    is_file = f"/{place['path']}".endswith(f"/{file.path}")
    return is_file and file.position(case.span.start).line <= int(place["line"]) <= last
