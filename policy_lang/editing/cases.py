"""Finds the names in fixtures and tests."""

from collections.abc import Iterable, Iterator

from policy_lang.checking.symbols import full_name
from policy_lang.decision import RESERVED_CODES
from policy_lang.editing.attributes import find_attribute, inner
from policy_lang.editing.declarations import action_names, owned
from policy_lang.editing.expressions import names_in, of_module, type_name
from policy_lang.editing.names import Kind, Occurrence, Symbol, symbol
from policy_lang.editing.scope import Scope, elements
from policy_lang.schema import NOW, Attribute
from policy_lang.syntax import ast, cases
from policy_lang.syntax.ast import Name, Word
from policy_lang.types import EnumType


def fixture(node: cases.Fixture, scope: Scope) -> Iterator[Occurrence]:
    """`fixture alice = User "alice" { … }`."""
    yield owned(node.name, Kind.FIXTURE, scope.module)
    yield from _entity(node.entity, scope)


def test(node: cases.Test, scope: Scope) -> Iterator[Occurrence]:
    """A test and all that it gives, asks and expects."""
    asked = [item.entity for item in node.items if isinstance(item, cases.Asks) and not item.is_principal]
    resources = types_of(asked, scope)
    for item in node.items:
        match item:
            case cases.GivenRow() | cases.Asks():
                yield from _entity(item.entity, scope)
            case cases.GivenParent():
                yield from _entity(item.child, scope)
                yield from _entity(item.parent, scope)
            case cases.GivenLink():
                yield from _link(item, scope)
            case cases.WrittenContext():
                yield from _row(item.row, symbol(Kind.FIELD), scope)
            case cases.Expect():
                yield from action_names((item.action,), resources, scope)
                yield from _answer(item.answer, scope)
            case cases.Matrix():
                yield from _matrix(item, scope)


def entity_type(subject: Name | ast.EntityLiteral, scope: Scope) -> str | None:
    """The type of an entity of a test, if it is known."""
    if isinstance(subject, ast.EntityLiteral):
        return subject.type.text
    found = scope.symbols.fixtures.get(full_name(subject, scope.module))
    written = None if found is None else found.statement.entity.subject
    return written.type.text if isinstance(written, ast.EntityLiteral) else None


def types_of(entities: Iterable[cases.WrittenEntity], scope: Scope) -> tuple[str, ...]:
    """The types of these entities, as far as they are known."""
    found = (entity_type(entity.subject, scope) for entity in entities)
    return tuple(dict.fromkeys(type_ for type_ in found if type_))


def _entity(node: cases.WrittenEntity, scope: Scope) -> Iterator[Occurrence]:
    yield from _subject(node.subject, scope)
    type_ = entity_type(node.subject, scope)
    if node.row is not None and type_:
        yield from _row(node.row, symbol(Kind.ATTRIBUTE, type_), scope)


def _subject(subject: Name | ast.EntityLiteral, scope: Scope) -> Iterator[Occurrence]:
    if isinstance(subject, Name):
        yield from of_module(subject, scope, Kind.FIXTURE)
    else:
        yield from type_name(subject.type, scope)


def _row(row: cases.WrittenRow, whose: Symbol, scope: Scope) -> Iterator[Occurrence]:
    """The cells of an entity's row, of the context or of a record; `whose` is the way to what they are of."""
    for cell in row.cells:
        meant = inner(whose, cell.name.text)
        attribute = find_attribute(meant, scope.symbols.schema)
        if attribute is None:
            continue
        is_now = meant == symbol(Kind.FIELD, NOW.name)
        yield Occurrence(cell.name.span, frozenset({symbol(Kind.ROOT, NOW.name) if is_now else meant}))
        if isinstance(cell.value, cases.WrittenRow):
            yield from _row(cell.value, meant, scope)
            continue
        for value in cell.value.items if isinstance(cell.value, ast.ListLiteral) else (cell.value,):
            yield from _value(value, attribute, scope)


def _value(value: ast.Expression, attribute: Attribute, scope: Scope) -> Iterator[Occurrence]:
    """A literal, an entity, a fixture by name or a member of an enum: which of both, the attribute's type says."""
    if not isinstance(value, Name):
        yield from names_in(value, scope)
        return
    (type_,) = elements((attribute.type,))
    if not isinstance(type_, EnumType):
        yield from of_module(value, scope, Kind.FIXTURE)
    elif value.text in type_.members:
        yield Occurrence(value.span, frozenset({symbol(Kind.MEMBER, *type_.members, value.text)}))


def _link(item: cases.GivenLink, scope: Scope) -> Iterator[Occurrence]:
    yield from _entity(item.subject, scope)
    yield from of_module(item.name, scope, Kind.ROLE)
    if item.place is not None:
        type_ = entity_type(item.place.subject, scope)
        found = scope.relation(item.name, (type_,) if type_ else ())
        if found:
            yield Occurrence(item.name.parts[-1].span, found)
        yield from _entity(item.place, scope)


def _matrix(item: cases.Matrix, scope: Scope) -> Iterator[Occurrence]:
    resources = types_of(item.resources, scope)
    for entity in (*item.principals, *item.resources):
        yield from _entity(entity, scope)
    yield from action_names(item.actions or (), resources, scope)
    for expect in item.expects:
        yield from action_names(expect.actions or (), resources, scope)
        for subject in (*(expect.resources or ()), *(expect.principals or ())):
            yield from _subject(subject, scope)
        yield from _answer(expect.answer, scope)


def _answer(answer: cases.Answer, scope: Scope) -> Iterator[Occurrence]:
    for id_ in answer.by or ():
        yield from of_module(id_, scope, Kind.RULE)
    if answer.code is not None and answer.code.text not in RESERVED_CODES:
        yield _used(answer.code, Kind.CODE)
    yield from (_used(word, Kind.OBLIGATION) for word in answer.obliges or ())


def _used(word: Word, kind: Kind) -> Occurrence:
    return Occurrence(word.span, frozenset({symbol(kind, word.text)}))
