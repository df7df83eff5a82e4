"""Reads the values that fixtures and tests write: cells of rows, context fields, references to fixtures."""

from collections.abc import Mapping

from policy_lang.checking.symbols import Faults, Symbols, full_name
from policy_lang.diagnostics import did_you_mean
from policy_lang.forms import check_id, read_given
from policy_lang.notation import BadValue
from policy_lang.schema import NOW, Attribute
from policy_lang.syntax import ast
from policy_lang.syntax.ast import EntityLiteral, Expression, Literal, Name
from policy_lang.syntax.cases import WrittenEntity, WrittenRow
from policy_lang.typed import EntityFixture
from policy_lang.types import (
    EnumType,
    IntType,
    RecordType,
    RefType,
    ScalarType,
    SetType,
    StringType,
)
from policy_lang.values import BAD_VALUE, Cell, Gap, Record, Ref, Scalar


class CellReader:
    """Reads what the tests of one module write. `rows` are those of its fixtures."""

    def __init__(self, symbols: Symbols, faults: Faults, module: str) -> None:
        self._schema = symbols.schema
        self._symbols = symbols
        self._faults = faults
        self._module = module
        self.rows: dict[Ref, Mapping[str, Cell]] = {}

    def read_fixtures(self) -> None:
        """Reads the rows of the module's fixtures; two for one entity are a fault."""
        for full, found in sorted(self._symbols.fixtures.items()):
            if found.module != self._module:
                continue
            entity = self.entity(found.statement.entity)
            if entity is None or entity.cells is None:
                continue
            if entity.ref in self.rows:
                self._faults.refuse(
                    "E504", f"`{entity.ref}` has a row already", found.statement.name.span, f"beside `{full}`"
                )
            self.rows[entity.ref] = entity.cells

    def entity(self, written: WrittenEntity) -> EntityFixture | None:
        """The entity, with the cells written for it, completed; None where a fault was noted."""
        subject = written.subject
        if isinstance(subject, EntityLiteral):
            ref, base = self._reference(subject), None
        else:
            named = self._fixture(subject)
            ref, base = (None, None) if named is None else (named.ref, named.cells)
        if ref is None:
            return None
        if written.row is None:
            return EntityFixture(ref, base)
        type_ = self._schema.types[ref.type]
        cells = self._cells(written.row, type_.attributes, f"of `{ref.type}`", "E203")
        return EntityFixture(ref, type_.complete({**(base or {}), **cells}))

    def context(self, row: WrittenRow | None) -> Mapping[str, Cell]:
        """A cell for every declared field, and `now` where it is written."""
        fields = self._schema.context
        cells = {} if row is None else self._cells(row, {**fields, NOW.name: NOW}, "of the context", "E214")
        return {name: attribute.gap for name, attribute in fields.items()} | cells

    def _fixture(self, name: Name) -> EntityFixture | None:
        full = full_name(name, self._module)
        found = self._symbols.fixtures.get(full)
        if found is None:
            known = [fixture.removeprefix(f"{self._module}.") for fixture in self._symbols.fixtures]
            self._faults.unknown("E208", "fixture", name, known)
            return None
        return self.entity(found.statement.entity)

    def _reference(self, written: EntityLiteral) -> Ref | None:
        if written.type.text not in self._schema.types:
            self._faults.unknown("E202", "type", written.type, self._schema.types)
            return None
        try:
            return Ref(written.type.text, check_id(written.id.text))
        except BadValue as error:
            self._faults.refuse("E502", str(error), written.id.span)
            return None

    def _cells(self, row: WrittenRow, known: Mapping[str, Attribute], whose: str, code: str) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        for cell in row.cells:
            attribute = known.get(cell.name.text)
            if attribute is None:
                self._faults.refuse(
                    code, f"unknown attribute `{cell.name.text}` {whose}", cell.name.span,
                    did_you_mean(cell.name.text, known),
                )  # fmt: skip
                continue
            if cell.name.text in cells:
                self._faults.refuse("E210", f"`{cell.name.text}` stands here twice", cell.name.span)
            cells[cell.name.text] = self._value(cell.value, attribute)
        return cells

    def _value(self, written: Expression | WrittenRow, attribute: Attribute) -> Cell:
        """The value; a stand-in gap where a fault was noted."""
        type_, inside = attribute.type, attribute.inside
        if isinstance(written, WrittenRow):
            if inside is None:
                return self._refuse(written, f"expected a value of type `{type_}`")
            return Record(inside.complete(self._cells(written, inside.attributes, f"of `{attribute.name}`", "E203")))
        if isinstance(type_, RecordType):
            return self._refuse(written, f"expected `{{ … }}`, for `{type_}`")
        if not isinstance(type_, SetType):
            return self._scalar(written, type_)
        if not isinstance(written, ast.ListLiteral):
            return self._refuse(written, f"expected a list, for `{type_}`")
        items = [self._scalar(item, type_.element) for item in written.items]
        return frozenset(item for item in items if not isinstance(item, Gap))

    def _scalar(self, written: Expression, type_: ScalarType) -> Scalar | Gap:
        match written:
            case Literal():
                return self._literal(written, type_)
            case EntityLiteral():
                ref = self._reference(written)
                return BAD_VALUE if ref is None else self._fitting(ref, type_, written)
            case Name():
                return self._named(written, type_)
            case _:
                return self._refuse(written, f"expected one value, for `{type_}`")

    def _literal(self, written: Literal, type_: ScalarType) -> Scalar | Gap:
        if written.type == type_ and not isinstance(type_, IntType | StringType):
            return written.value
        if not isinstance(written.value, str | int) or not isinstance(written.type, StringType | IntType):
            return self._refuse(written, f"expected a value of type `{type_}`")
        try:
            value = read_given(type_, written.value)
        except BadValue as error:
            return self._refuse(written, str(error))
        return BAD_VALUE if isinstance(value, frozenset | Record) else value

    def _named(self, written: Name, type_: ScalarType) -> Scalar | Gap:
        if isinstance(type_, EnumType):
            if written.text in type_.members:
                return written.text
            help_ = did_you_mean(written.text, type_.members) or f"it is one of {', '.join(type_.members)}"
            self._faults.refuse("E215", f"unknown member `{written.text}`", written.span, help_)
            return BAD_VALUE
        if not isinstance(type_, RefType):
            return self._refuse(written, f"expected a value of type `{type_}`")
        found = self._fixture_reference(written)
        return BAD_VALUE if found is None else self._fitting(found, type_, written)

    def reference(self, subject: Name | EntityLiteral) -> Ref | None:
        """The reference of an entity, its row unread; None where a fault was noted."""
        return self._reference(subject) if isinstance(subject, EntityLiteral) else self._fixture_reference(subject)

    def _fixture_reference(self, name: Name) -> Ref | None:
        """The reference of a fixture, its row unread: rows may name each other."""
        found = self._symbols.fixtures.get(full_name(name, self._module))
        if found is None:
            known = [fixture.removeprefix(f"{self._module}.") for fixture in self._symbols.fixtures]
            self._faults.unknown("E208", "fixture", name, known)
            return None
        subject = found.statement.entity.subject
        return self._reference(subject) if isinstance(subject, EntityLiteral) else None

    def _fitting(self, ref: Ref, type_: ScalarType, written: Expression) -> Scalar | Gap:
        if isinstance(type_, RefType) and ref.type in type_.targets:
            return ref
        return self._refuse(written, f"expected a value of type `{type_}`")

    def _refuse(self, written: Expression | WrittenRow, message: str) -> Gap:
        self._faults.refuse("E502", message, written.span)
        return BAD_VALUE
