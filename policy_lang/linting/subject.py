"""What the lints look at: a sound bundle, its trees, its typed rules and where each of their conditions was written."""

from collections.abc import Mapping
from dataclasses import dataclass

from policy_lang.checking.condition_check import Typed
from policy_lang.checking.symbols import Symbols
from policy_lang.linting.reading import steps
from policy_lang.loading import Examined
from policy_lang.schema import Attribute, EntityType, Schema
from policy_lang.source import SourceFile, Span
from policy_lang.syntax import statements
from policy_lang.syntax.statements import File, Statement
from policy_lang.typed import Path, Program, Rule


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle without a fault."""

    files: tuple[SourceFile, ...]
    trees: tuple[File, ...]
    symbols: Symbols
    program: Program
    sites: Mapping[str, tuple[Typed, ...]]

    @property
    def schema(self) -> Schema:
        """What the bundle declares."""
        return self.program.schema

    @property
    def rules(self) -> Mapping[str, Mapping[str, Rule]]:
        """Full id → type of resource → the rule as it stands for it."""
        found: dict[str, dict[str, Rule]] = {}
        for type_, rules in self.program.rules.items():
            for rule in rules:
                found.setdefault(rule.id, {})[type_] = rule
        return found

    def place(self, rule: str) -> Span:
        """Where the id of a rule stands."""
        return self.symbols.rules[rule].statement.id.span

    def attributes(self, path: Path, type_: str) -> tuple[tuple[EntityType, Attribute], ...]:
        """What the last step of a path may read, each with the type that declares it."""
        return tuple(steps(self.schema, path, type_))[-1]

    def is_always_there(self, path: Path, type_: str) -> bool:
        """Whether no step of a path is ever absent, while nothing is broken."""
        return all(
            found and not any(attribute.is_optional for _, attribute in found)
            for found in steps(self.schema, path, type_)
        )


def head(statement: Statement) -> Span:
    """Where a statement's own name stands, or what it is about."""
    match statement:
        case statements.Rule() | statements.Use():
            return statement.id.span
        case statements.ContextDeclaration():
            return statement.span
        case statements.ActionsDeclaration():
            return statement.type.span
        case _:
            return statement.name.span


def subject_of(found: Examined) -> Subject | None:
    """What lints look at; None where there is a fault."""
    if found.symbols is None or found.checked is None or found.program is None:
        return None
    return Subject(found.files, found.trees, found.symbols, found.program, found.checked.sites)
