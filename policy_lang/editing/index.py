"""The names of a bundle: which stands at a place, where it is declared, where it is used."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from policy_lang.checking.instances import with_instances
from policy_lang.checking.resolve import resolve
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.editing import cases, declarations, rules, templates
from policy_lang.editing.declarations import declared
from policy_lang.editing.names import OWNED, Kind, Occurrence, Symbol
from policy_lang.editing.scope import Scope, Value
from policy_lang.syntax import ast, statements
from policy_lang.syntax import cases as syntax_cases
from policy_lang.syntax.statements import File, Statement


class Index:
    """The names of some files' trees, which need not be without faults; each file's are found when first asked for."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files: Mapping[str, File] = {file.module.span.file.path: file for file in files}
        self._found: dict[str, tuple[Occurrence, ...]] = {}
        self._known: dict[tuple[str, tuple[str, ...]], Value] = {}

    @cached_property
    def symbols(self) -> Symbols:
        """All that the files declare."""
        files, faults = tuple(self._files.values()), Faults(limit=sys.maxsize)
        return with_instances(resolve(files, faults), files, faults)

    @property
    def files(self) -> Sequence[File]:
        """The files, by path."""
        return tuple(self._files.values())

    def file(self, path: str) -> File | None:
        """The tree of a file, if there is one."""
        return self._files.get(path)

    def scope(self, module: str, statement: Statement | None = None) -> Scope:
        """The scope of what stands in a statement, or in none that is known."""
        resources, principals = tuple(sorted(self.symbols.schema.actions)), self.symbols.principals
        match statement:
            case statements.Rule():
                resources = rules.types_of_rule(statement, resources)
                principals = _asking(statement, principals)
            case statements.ComputedRelation():
                resources = (statement.on.text,)
            case statements.Template() | statements.Use():
                resources = self._types_on(module, statement)
        return Scope(self.symbols, module, resources, principals, known=self._known)

    def _types_on(self, module: str, statement: statements.Template | statements.Use) -> tuple[str, ...]:
        """The types that a template is on in its uses, or in one."""
        anywhere = self.scope(module)
        if isinstance(statement, statements.Use):
            return templates.types_of_use(statement, anywhere)
        return templates.types_of_template(f"{module}.{statement.name.text}", self.files, anywhere)

    def occurrences(self, path: str) -> tuple[Occurrence, ...]:
        """The names in a file, in the order of the text."""
        if path not in self._found:
            file = self._files.get(path)
            found = () if file is None else self._occurrences(file)
            self._found[path] = tuple(sorted(found, key=lambda name: (name.span.start, name.span.end)))
        return self._found[path]

    def at(self, path: str, offset: int) -> Occurrence | None:
        """The name that a place is in, or right behind."""
        found = self.occurrences(path)
        last = bisect_right(found, offset, key=lambda name: name.span.start) - 1
        if last >= 0 and offset <= found[last].span.end:
            return found[last]
        return None

    def everywhere(self, symbols: frozenset[Symbol]) -> Iterator[Occurrence]:
        """Every name that stands for one of these, by path and place."""
        texts = {meant.text for meant in symbols}
        for path in sorted(self._files):
            whole = self._files[path].module.span.file.text
            if not any(text in whole for text in texts):
                continue
            yield from (name for name in self.occurrences(path) if not symbols.isdisjoint(name.symbols))

    def declarations(self, symbols: frozenset[Symbol]) -> tuple[Occurrence, ...]:
        """Where these are declared, by path and place; nothing is looked at that cannot declare one of them."""
        found: list[Occurrence] = []
        for path in sorted(self._files):
            file = self._files[path]
            names = [declared(file.module, Kind.MODULE)]
            for statement in file.statements:
                if any(_may_declare(statement, file.module.text, meant) for meant in symbols):
                    names += self._in_statement(statement, self.scope(file.module.text, statement))
            found += (name for name in names if name.is_declaration and not symbols.isdisjoint(name.symbols))
        return tuple(found)

    def _occurrences(self, file: File) -> Iterator[Occurrence]:
        yield declared(file.module, Kind.MODULE)
        for statement in file.statements:
            yield from self._in_statement(statement, self.scope(file.module.text, statement))

    def _in_statement(self, statement: Statement, scope: Scope) -> Iterator[Occurrence]:
        match statement:
            case statements.TypeDeclaration():
                yield from declarations.type_declaration(statement, scope)
            case statements.ContextDeclaration():
                yield from declarations.context(statement, scope)
            case statements.ActionsDeclaration():
                yield from declarations.actions(statement, scope)
            case statements.GroupDeclaration():
                yield from declarations.group(statement, scope)
            case statements.RoleDeclaration():
                yield from declarations.role(statement, scope)
            case statements.ComputedRelation():
                yield from declarations.computed_relation(statement, scope)
            case statements.StoredRelation():
                yield from declarations.stored_relation(statement, scope)
            case statements.Let():
                yield from declarations.let(statement, scope)
            case statements.Rule():
                yield from rules.rule(statement, scope)
            case statements.Template():
                yield from templates.template(statement, scope)
            case statements.Use():
                yield from templates.use(statement, scope)
            case syntax_cases.Fixture():
                yield from cases.fixture(statement, scope)
            case syntax_cases.Test():
                yield from cases.test(statement, scope)


def _asking(rule: statements.Rule, principals: tuple[str, ...]) -> tuple[str, ...]:
    """The types of principal that a rule is for, where its `to` names nothing else."""
    named = tuple(item.text for item in rule.to or () if isinstance(item, ast.Name) and item.text in principals)
    return named if named and len(named) == len(rule.to or ()) else principals


_TYPED: Final = (statements.TypeDeclaration, statements.ContextDeclaration, statements.Template)
_RULES: Final = (statements.Rule, statements.Use, statements.Template)
_DECLARING: Final[Mapping[Kind, tuple[type[Statement], ...]]] = {
    Kind.TYPE: (statements.TypeDeclaration,),
    Kind.ATTRIBUTE: (statements.TypeDeclaration,),
    Kind.MEMBER: _TYPED,
    Kind.FIELD: (statements.ContextDeclaration,),
    Kind.ACTION: (statements.ActionsDeclaration,),
    Kind.GROUP: (statements.GroupDeclaration,),
    Kind.ROLE: (statements.RoleDeclaration,),
    Kind.RELATION: (statements.ComputedRelation, statements.StoredRelation),
    Kind.LET: (statements.Let,),
    Kind.RULE: _RULES,
    Kind.TEMPLATE: (statements.Template,),
    Kind.PARAMETER: (statements.Template,),
    Kind.FIXTURE: (syntax_cases.Fixture,),
    Kind.CODE: _RULES,
    Kind.OBLIGATION: _RULES,
}
"""What a name of each kind is declared by; the rest is declared by no statement."""


def _may_declare(statement: Statement, module: str, meant: Symbol) -> bool:
    is_kind = isinstance(statement, _DECLARING.get(meant.kind, ()))
    return is_kind and (meant.kind not in OWNED or meant.way[0].rpartition(".")[0] == module)
