"""A small reader of TextMate grammars: matches, begins with their ends, includes and captures, line by line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

Rule = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Scoped:
    """A stretch of a line that has a scope."""

    start: int
    end: int
    scope: str


class Grammar:
    """A grammar as its file has it."""

    def __init__(self, whole: Rule) -> None:
        self._whole = whole
        self._repository = cast(Mapping[str, Rule], whole["repository"])

    def scopes(self, text: str) -> list[str]:
        """For every character of a text the scopes that it has, joined; the innermost comes last."""
        found: list[str] = []
        for line in text.splitlines(keepends=True):
            scopes: list[list[str]] = [[] for _ in line]
            for scoped in self._line(line.rstrip("\n"), self._whole, 0):
                for at in range(scoped.start, scoped.end):
                    scopes[at].append(scoped.scope)
            found += [" ".join(each) for each in scopes]
        return found

    def regexes(self) -> Iterator[str]:
        """Every regular expression."""
        stack: list[object] = [self._whole]
        while stack:
            part = stack.pop()
            if isinstance(part, dict):
                yield from (str(part[key]) for key in ("match", "begin", "end") if key in part)
                stack.extend(part.values())
            elif isinstance(part, list):
                stack.extend(part)

    def _line(self, line: str, rule: Rule, at: int) -> Iterator[Scoped]:
        """What a rule's patterns give from a place on, up to its end or the line's."""
        patterns = list(self._patterns(rule))
        while at < len(line):
            end = re.compile(str(rule["end"])).search(line, at) if "end" in rule else None
            found = [(match, pattern) for pattern in patterns if (match := _regex(pattern).search(line, at))]
            first = min(found, key=lambda pair: pair[0].start(), default=None)
            if end is not None and (first is None or end.start() <= first[0].start()):
                return
            if first is None:
                return
            match, pattern = first
            yield from _captured(match, pattern)
            at = max(match.end(), at + 1)
            if "begin" in pattern:
                inner = list(self._line(line, pattern, match.end()))
                closing = self._end(line, pattern, match.end(), inner)
                scope = str(pattern.get("name") or pattern["contentName"])
                yield Scoped(match.start() if "name" in pattern else match.end(), closing, scope)
                yield from inner
                at = closing

    def _end(self, line: str, rule: Rule, at: int, inner: Sequence[Scoped]) -> int:
        """Where a rule ends that began before: at the first end that nothing inside has taken."""
        regex = re.compile(str(rule["end"]))
        taken = {place for scoped in inner for place in range(scoped.start, scoped.end)}
        ends = (match.end() for match in regex.finditer(line, at) if match.start() not in taken)
        return next(ends, len(line))

    def _patterns(self, rule: Rule) -> Iterator[Rule]:
        """A rule's patterns with what they include."""
        for pattern in cast(Sequence[Rule], rule.get("patterns", ())):
            if "include" in pattern:
                included = self._repository[str(pattern["include"]).removeprefix("#")]
                yield from self._patterns(included) if _is_list(included) else (included,)
            else:
                yield pattern


def _is_list(rule: Rule) -> bool:
    return "patterns" in rule and "begin" not in rule


def _regex(rule: Rule) -> re.Pattern[str]:
    return re.compile(str(rule.get("match") or rule["begin"]))


def _captured(match: re.Match[str], rule: Rule) -> Iterator[Scoped]:
    if "match" in rule and "name" in rule:
        yield Scoped(match.start(), match.end(), str(rule["name"]))
    captures = cast(Mapping[str, Mapping[str, str]], rule.get("captures") or rule.get("beginCaptures") or {})
    for number, capture in captures.items():
        start, end = match.span(int(number))
        yield Scoped(start, end, capture["name"])
