"""Lints tests: two of one name cannot be told apart in a report."""

from collections.abc import Iterator

from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.subject import Subject


def lint_tests(subject: Subject) -> Iterator[Diagnostic]:
    """Tests with the name of another test of their module."""
    first: dict[tuple[str, str], str] = {}
    for found in subject.symbols.tests:
        name = found.statement.name
        key = (found.module, name.text)
        if key in first:
            yield warning("W601", f'a second test is called "{name.text}"', name.span, f"the first is in {first[key]}")
        first.setdefault(key, name.span.location)
