"""Finds the names in declarations: types, actions, groups, roles, relations and lets."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from policy_lang.checking.entity_types import BUILT_IN
from policy_lang.editing.attributes import inner
from policy_lang.editing.expressions import names_in, of_module, type_name
from policy_lang.editing.names import Kind, Occurrence, Symbol, symbol
from policy_lang.editing.scope import Scope
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Word


def declared(word: Word, kind: Kind, *way: str) -> Occurrence:
    """A name where it is declared; its own text comes last on the way."""
    return Occurrence(word.span, frozenset({symbol(kind, *way, word.text)}), is_declaration=True)


def owned(word: Word, kind: Kind, module: str) -> Occurrence:
    """A module's own name where it is declared."""
    return Occurrence(word.span, frozenset({symbol(kind, f"{module}.{word.text}")}), is_declaration=True)


def type_declaration(node: statements.TypeDeclaration, scope: Scope) -> Iterator[Occurrence]:
    """`type Document in Folder { … }`."""
    yield declared(node.name, Kind.TYPE)
    for parent in node.parents:
        yield from type_name(parent, scope)
    for attribute in node.attributes:
        yield from _attribute(attribute, symbol(Kind.ATTRIBUTE, node.name.text, attribute.name.text), scope)


def context(node: statements.ContextDeclaration, scope: Scope) -> Iterator[Occurrence]:
    """`context { … }`."""
    for field in node.fields:
        yield from _attribute(field, symbol(Kind.FIELD, field.name.text), scope)


def _attribute(node: statements.Attribute, meant: Symbol, scope: Scope) -> Iterator[Occurrence]:
    """An attribute and the fields of its record."""
    yield Occurrence(node.name.span, frozenset({meant}), is_declaration=True)
    if isinstance(node.type, statements.RecordType):
        for field in node.type.fields:
            yield from _attribute(field, inner(meant, field.name.text), scope)
    else:
        yield from written_type(node.type, scope)


def written_type(node: statements.TypeExpression, scope: Scope) -> Iterator[Occurrence]:
    """`User | Team`, `set<int>`, `enum(a, b)`, whose members are declared here."""
    match node:
        case statements.SetType():
            yield from written_type(node.element, scope)
        case statements.RecordType():
            pass  # its fields are attributes
        case statements.EnumType():
            members = tuple(member.text for member in node.members)
            for member in node.members:
                yield declared(member, Kind.MEMBER, *members)
        case statements.PlainType():
            for word in node.names:
                if word.text in BUILT_IN:
                    yield Occurrence(word.span, frozenset({symbol(Kind.SCALAR, word.text)}))
                else:
                    yield from type_name(word, scope)


def actions(node: statements.ActionsDeclaration, scope: Scope) -> Iterator[Occurrence]:
    """`actions Document { … }`."""
    yield from type_name(node.type, scope)
    for action in node.actions:
        yield declared(action.name, Kind.ACTION, node.type.text)


def group(node: statements.GroupDeclaration, scope: Scope) -> Iterator[Occurrence]:
    """`group write on Document = …`."""
    yield declared(node.name, Kind.GROUP, node.type.text)
    yield from type_name(node.type, scope)
    yield from action_names(node.actions, (node.type.text,), scope)


def role(node: statements.RoleDeclaration, scope: Scope) -> Iterator[Occurrence]:
    """`role editor on Tenant includes viewer { … }`."""
    yield owned(node.name, Kind.ROLE, scope.module)
    if node.on is not None:
        yield from type_name(node.on, scope)
    for include in node.includes:
        yield from of_module(include, scope, Kind.ROLE)
    for grant in node.grants:
        yield from type_name(grant.type, scope)
        yield from action_names(grant.actions, (grant.type.text,), scope)


def computed_relation(node: statements.ComputedRelation, scope: Scope) -> Iterator[Occurrence]:
    """`relation owner on Document = …`."""
    yield _relation(node.name, node.on, scope)
    yield from type_name(node.on, scope)
    yield from names_in(node.body, scope)


def stored_relation(node: statements.StoredRelation, scope: Scope) -> Iterator[Occurrence]:
    """`relation collaborator on Document: User, Team`."""
    yield _relation(node.name, node.on, scope)
    for word in (node.on, *node.subjects):
        yield from type_name(word, scope)


def let(node: statements.Let, scope: Scope) -> Iterator[Occurrence]:
    """`let same_tenant = …`."""
    yield replace(owned(node.name, Kind.LET, scope.module), types=scope.types_of(node.body))
    yield from names_in(node.body, scope)


def action_names(words: Iterable[Word], types: Iterable[str], scope: Scope) -> Iterator[Occurrence]:
    """Actions and groups of them, by name: of every one of those types that has one so called."""
    places = tuple(types)
    for word in words:
        known = {Kind.ACTION: scope.symbols.schema.actions, Kind.GROUP: scope.symbols.groups}
        found = {
            symbol(kind, type_, word.text)
            for kind, names in known.items()
            for type_ in places
            if word.text in names.get(type_, ())
        }
        if found:
            yield Occurrence(word.span, frozenset(found))


def _relation(word: Word, on: Word, scope: Scope) -> Occurrence:
    meant = symbol(Kind.RELATION, f"{scope.module}.{word.text}", on.text)
    return Occurrence(word.span, frozenset({meant}), is_declaration=True)
