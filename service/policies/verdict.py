"""What the checking of policies comes to: their digest, and every finding with its place."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from policy_lang.diagnostics import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; lines and columns count from 1, the end is where it has ended, `rendered` how a person reads it."""

    code: str
    is_error: bool
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    help: str
    rendered: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Policies that were checked; without a digest they may not be used."""

    digest: str
    findings: tuple[Finding, ...]


def judge(texts: Mapping[str, str]) -> Verdict:
    """The verdict on those texts, path → text."""
    # Here, for workers read verdicts, and make none.
    from policy_lang.linting.linter import check

    checked = check(texts)
    if checked.bundle is None:
        return Verdict("", tuple(map(finding_of, checked.diagnostics)))
    lints = (found for found in checked.diagnostics if found.severity is Severity.WARNING)
    return Verdict(checked.bundle.digest, tuple(map(finding_of, lints)))


def write_texts(texts: Mapping[str, str]) -> str:
    """Policies to be checked, path → text, as text."""
    return orjson.dumps(dict(texts)).decode()


def read_texts(text: str) -> dict[str, str]:
    """The policies that were written so."""
    texts: dict[str, str] = orjson.loads(text)
    return texts


def write_verdict(verdict: Verdict | None) -> str:
    """The verdict as text; None is that a fault of the service was in the way of one."""
    return orjson.dumps(verdict).decode()


def read_verdict(text: str) -> Verdict | None:
    """The verdict that was written so."""
    fields = orjson.loads(text)
    return fields and Verdict(fields["digest"], tuple(Finding(**found) for found in fields["findings"]))


def finding_of(found: Diagnostic) -> Finding:
    """The finding in a form that leaves the process."""
    place, end = (found.span.file.position(at) for at in (found.span.start, found.span.end))
    return Finding(
        code=found.code,
        is_error=found.severity is Severity.ERROR,
        message=found.message,
        path=found.span.file.path,
        line=place.line,
        column=place.column,
        end_line=end.line,
        end_column=end.column,
        help=found.advice,
        rendered=found.render(),
    )
