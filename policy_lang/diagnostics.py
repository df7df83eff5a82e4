"""What is wrong with policy text: coded findings with a position, an underline and help."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from itertools import islice

from policy_lang.excerpt import excerpt, visible
from policy_lang.limits import COMPARED_LENGTH, COMPARED_LIMIT
from policy_lang.source import Span


class Severity(Enum):
    """Whether a finding refuses the bundle."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. Codes are stable: E1 syntax, E2 names, E3 types, E4 limits, E5 tests, E6 remarks; W is for lints.

    `used` is where a template is used, if the finding is of the rule that this makes.
    """

    code: str
    message: str
    span: Span
    help: str = ""
    severity: Severity = Severity.ERROR
    used: Span | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands below the finding: its help, and which use of a template it is of."""
        help_ = (f"help: {self.help}",) if self.help else ()
        return help_ if self.used is None else (*help_, f"found for {_place(self.used)}")

    @property
    def advice(self) -> str:
        """The notes in one line, as programs show them."""
        found_for = "" if self.used is None else f"found for {_place(self.used)}"
        return "; ".join(part for part in (self.help, found_for) if part)

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """By file, place and code."""
        return (self.span.file.path, self.span.start, self.span.end, self.code, self.message)

    def render(self) -> str:
        """The finding as a person reads it: message, place, line, underline, help."""
        head = f"{self.severity.value}[{self.code}]: {self.message}"
        return "\n".join((visible(head), *excerpt(self.span, self.notes)))


def _place(span: Span) -> str:
    start = span.file.position(span.start)
    return f"`{visible(' '.join(span.text.split()))}` in {span.file.path}:{start.line}:{start.column}"


def warning(code: str, message: str, span: Span, help_: str = "") -> Diagnostic:
    """A finding that refuses nothing."""
    return Diagnostic(code, message, span, help_, Severity.WARNING)


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings, each once, by file, place and code."""
    return tuple(sorted(set(found), key=lambda each: each.sort_key))


class PolicyError(Exception):
    """Policy text that may not be loaded; carries every finding, sorted."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__("\n\n".join(found.render() for found in self.diagnostics))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A help text that names the nearest known name, or nothing."""
    near = nearest_of(name, known)
    return f"did you mean `{near}`?" if near else ""


def nearest_of(name: str, known: Iterable[str]) -> str:
    """The nearest name, or nothing; of very many only those that begin alike are compared, so that it costs little.

    What is longer than names are is compared with none.
    """
    if len(name) > COMPARED_LENGTH:
        return ""
    names = sorted(known)
    if len(names) > COMPARED_LIMIT:
        alike = (each for each in names if each[:1] == name[:1] and abs(len(each) - len(name)) < 3)
        names = list(islice(alike, COMPARED_LIMIT))
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.6)), "")
