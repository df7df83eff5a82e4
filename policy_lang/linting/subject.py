"""What the lints look at: a sound bundle, its trees, its typed rules and where each of their conditions was written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policy_lang.bundle import Examined
from policy_lang.checking.condition_check import Typed
from policy_lang.checking.symbols import Symbols
from policy_lang.schema import Attribute, Schema
from policy_lang.source import SourceFile, Span
from policy_lang.syntax import statements
from policy_lang.syntax.statements import File, Statement
from policy_lang.typed import Path, Program, Root, Rule


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

    def attributes(self, path: Path, type_: str) -> Iterator[tuple[str, Attribute]]:
        """What the last step of a path may read, each with the type that declares it; `context` declares fields.

        Every step is looked up in all types that its place may have, so that this is more than narrowing leaves.
        """
        owners = self._owners(path.root, type_)
        for step in path.steps[:-1]:
            owners = [target for _, found in self._step(owners, step) for target in getattr(found.type, "targets", ())]
        return self._step(owners, path.steps[-1])

    def is_always_there(self, path: Path, type_: str) -> bool:
        """Whether no step of a path is ever absent, while nothing is broken."""
        for end in range(1, len(path.steps) + 1):
            found = list(self.attributes(Path(path.root, path.steps[:end], path.type), type_))
            if not found or any(attribute.is_optional for _, attribute in found):
                return False
        return True

    def _owners(self, root: Root, type_: str) -> list[str]:
        match root:
            case Root.PRINCIPAL:
                return list(self.symbols.principals)
            case Root.RESOURCE:
                return [type_]
            case Root.CONTEXT:
                return [root.value]

    def _step(self, owners: list[str], step: str) -> Iterator[tuple[str, Attribute]]:
        for owner in dict.fromkeys(owners):
            known = self.schema.context if owner == Root.CONTEXT.value else self.schema.types[owner].attributes
            if step in known:
                yield owner, known[step]


def head(statement: Statement) -> Span:
    """Where a statement's own name stands, or what it is about."""
    match statement:
        case statements.Rule():
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
