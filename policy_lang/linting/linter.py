"""Runs every lint over a sound bundle."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import Diagnostic, in_order
from policy_lang.linting.breadth import lint_breadth
from policy_lang.linting.characters import lint_characters
from policy_lang.linting.conditions import lint_conditions
from policy_lang.linting.costs import Cost, costs_of
from policy_lang.linting.enums import lint_enums
from policy_lang.linting.names import lint_names
from policy_lang.linting.remarks import allowed
from policy_lang.linting.rules import lint_rules
from policy_lang.linting.subject import Subject, subject_of
from policy_lang.linting.tenancy import lint_tenancy
from policy_lang.linting.tests import lint_tests
from policy_lang.loading import Examined, bundle_of, examine, read
from policy_lang.pages import codes
from policy_lang.uncollected import uncollected

LINTS: Final[tuple[Callable[[Subject], Iterator[Diagnostic]], ...]] = (
    lint_conditions,
    lint_enums,
    lint_rules,
    lint_names,
    lint_tenancy,
    lint_breadth,
    lint_characters,
    lint_tests,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A bundle, None where a fault refuses it, and all that was found, sorted. `nodes`: what each rule costs."""

    bundle: Bundle | None
    diagnostics: tuple[Diagnostic, ...]
    nodes: Mapping[str, int] = field(default_factory=dict)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What each rule costs, the dearest first."""
        return () if self.bundle is None else costs_of(self.bundle.program, self.nodes)

    @property
    def counts(self) -> dict[str, int]:
        """How much the bundle holds; nothing where there is none."""
        if self.bundle is None:
            return {}
        program = self.bundle.program
        return {
            "files": len(self.bundle.files),
            "types": len(program.schema.types),
            "rules": len(self.nodes),
            "tests": program.test_count,
        }


def check(texts: Mapping[str, str]) -> Checked:
    """Checks and lints these files (path → text)."""
    with uncollected():
        found = examine(read(texts))
        return _checked(found, lint(found))


def check_without_lints(texts: Mapping[str, str]) -> Checked:
    """Checks these files for faults alone."""
    with uncollected():
        return _checked(examine(read(texts)), ())


def _checked(found: Examined, lints: tuple[Diagnostic, ...]) -> Checked:
    if found.faults or found.program is None or found.checked is None:
        return Checked(None, found.faults)
    return Checked(bundle_of(found), lints, found.checked.nodes)


def lint(found: Examined) -> tuple[Diagnostic, ...]:
    """What the lints find, without what remarks allow; nothing where a fault may be behind it."""
    subject = subject_of(found)
    if subject is None:
        return ()
    lints = in_order(each for find in LINTS for each in find(subject))
    return in_order(allowed(lints, subject.trees, [code for code in codes() if code.startswith("W")]))
