"""How the rows of one mapped type are read: its columns, made by the policies' types into cells and parents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy_lang.facts import Row
from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.types import RefType
from policy_lang.values import BAD_VALUE, Cell, Gap, Ref
from service.db.mapped.columns import Kind, MappedTable
from service.db.mapped.statements import Branch, Edges, Key
from service.entities.mapped.cells import Misfit, reader_of
from service.entities.mapped.ends import IDS, End, Layout, end_of
from service.entities.mapped.faults import Faults
from service.entities.mapped.keys import KEY_KINDS, is_id, ref_of
from service.entities.mapped.raw import Raw, parse
from service.source_settings import AttributeSettings, EndSettings, ParentSettings, TypeSettings

Take = Callable[[Sequence[Raw]], Cell]
TakeParents = Callable[[Sequence[Raw]], Iterator[Ref]]


@dataclass(frozen=True, slots=True)
class TypePlan:
    """One type's rows: the branch that reads them, and what becomes of their values."""

    type: str
    branch: Branch
    gaps: Mapping[str, Gap]
    takes: Mapping[str, Take]
    parents: tuple[TakeParents, ...]

    @property
    def key(self) -> Key:
        """By what rows are found."""
        return self.branch.keys[0]

    @property
    def width(self) -> int:
        """How many values a row has."""
        return len(self.branch.columns) + len(self.branch.edges)

    def row(self, values: Sequence[Raw]) -> Row:
        """The row that the values make."""
        cells: dict[str, Cell] = dict(self.gaps)
        cells.update((name, take(values)) for name, take in self.takes.items())
        return Row(cells, tuple(sorted({ref for parents in self.parents for ref in parents(values)})))


def plan_type(number: int, name: str, how: TypeSettings, *, schema: Schema, faults: Faults) -> TypePlan | None:
    """The plan of a type; None where a fault leaves it without."""
    where = f"types.{name}"
    declared = schema.types.get(name)
    if declared is None or not declared.is_stored:
        if declared is None:
            faults.unknown("types", "type", name, schema.types)
        else:
            faults.add(where, f"`{name}` has no rows: its entities are described by the {declared.rows.value}")
        return None
    table = faults.table(f"{where}.table", how.table)
    if table is None:
        return None
    before = len(faults.found)
    layout = Layout()
    kind = _id_kind(f"{where}.id", how.id, table, faults)
    takes = _takes(where, declared, _columns(where, how, declared, schema, faults), table, layout, faults)
    inside = [each for each in how.parents if each.table is None]
    outside = [each for each in how.parents if each.table is not None]
    parents = [_own_parent(f"{where}.parents", each, declared, table, layout, faults) for each in inside]
    width = len(layout.columns)
    edges = [_edges(f"{where}.parents", each, declared, kind, faults) for each in outside]
    if len(faults.found) > before or kind is None:
        return None
    kept = [each for each in edges if each is not None]
    return TypePlan(
        type=name,
        branch=Branch(
            number=number,
            table=how.table,
            keys=(Key(how.id, kind, f"k{number}"),),
            same=(),
            columns=layout.columns,
            id=how.id,
            edges=tuple(each for each, _ in kept),
        ),
        gaps={attribute.name: attribute.gap for attribute in declared.attributes.values()},
        takes=takes,
        parents=(
            *(each for each in parents if each is not None),
            *(_parents_at(width + at, types) for at, (_, types) in enumerate(kept)),
        ),
    )


def _id_kind(where: str, name: str, table: MappedTable, faults: Faults) -> Kind | None:
    """The kind of the column of ids: never NULL, and each there once. Of a view nobody says so before it is read."""
    column = faults.column(where, table, name)
    if column is None:
        return None
    if column.kind not in KEY_KINDS:
        faults.add(where, f"`{table.name}.{name}` is {column.kind.value} (`{column.shown}`), and no id", IDS)
    if not table.is_view and column.is_nullable:
        faults.add(where, f"`{table.name}.{name}` may be NULL", "an id is a primary key, or NOT NULL and UNIQUE")
    if not table.is_view and name not in table.unique:
        faults.add(where, f"two rows of `{table.name}` may have the same `{name}`", "make it a primary key, or UNIQUE")
    return column.kind


def _columns(
    where: str, how: TypeSettings, declared: EntityType, schema: Schema, faults: Faults
) -> dict[str, AttributeSettings]:
    """The column of each attribute, that of the tenant among them."""
    columns = dict(how.attributes)
    if how.tenant is not None:
        attribute = schema.tenant_attributes.get(declared.name)
        if attribute is None:
            faults.add(f"{where}.tenant", f"`{declared.name}` has no attribute that is a tenant")
        elif attribute in columns:
            faults.add(f"{where}.tenant", f"`{attribute}` is the tenant, and has a column of its own")
        else:
            columns[attribute] = AttributeSettings(column=how.tenant)
    for name, attribute_ in declared.attributes.items():
        if name not in columns and attribute_.origin is Origin.STORE and not attribute_.is_optional:
            faults.add(
                where, f"`{declared.name}.{name}` is required, and has no column", f"add it to {where}.attributes"
            )
    return columns


def _takes(
    where: str, declared: EntityType, columns: Mapping[str, AttributeSettings], table: MappedTable, layout: Layout,
    faults: Faults,
) -> dict[str, Take]:  # fmt: skip
    takes: dict[str, Take] = {}
    for name, how in columns.items():
        at = f"{where}.attributes.{name}"
        attribute = declared.attributes.get(name)
        if attribute is None:
            faults.unknown(at, "attribute", name, declared.attributes)
        elif attribute.origin is not Origin.STORE:
            faults.add(at, f"`{declared.name}.{name}` is not stored: the {attribute.origin.value} brings it")
        elif (take := _take(at, attribute, how, table, layout, faults)) is not None:
            takes[name] = take
    return takes


def _take(
    where: str, attribute: Attribute, how: AttributeSettings, table: MappedTable, layout: Layout, faults: Faults
) -> Take | None:
    column = faults.column(where, table, how.column)
    if column is None:
        return None
    type_ = attribute.type
    if isinstance(type_, RefType) and (how.type is not None or how.types):
        return _take_reference(where, attribute, how, table, layout, faults)
    if how.type is not None or how.types:
        faults.add(where, f"`{attribute.name}` is `{type_}`, and no reference")
        return None
    try:
        read = reader_of(type_, column, how)
    except Misfit as error:
        what, _, help_ = str(error).partition("\nhelp: ")
        faults.add(where, f"`{table.name}.{column.name}`: {what}", help_)
        return None
    at, gap = layout.place(column.name), attribute.gap
    return lambda values: gap if (raw := values[at]) is None else read(raw)


def _take_reference(
    where: str, attribute: Attribute, how: AttributeSettings, table: MappedTable, layout: Layout, faults: Faults
) -> Take | None:
    settings = EndSettings(column=how.column, type=how.type, type_column=how.type_column, types=how.types)
    if not _lead_to(where, settings, attribute.type, faults):
        return None
    end = end_of(where, settings, table, layout, faults)
    if end is None:
        return None
    gap = attribute.gap

    def take(values: Sequence[Raw]) -> Cell:
        return gap if end.is_empty(values) else end.ref(values) or BAD_VALUE

    return take


def _lead_to(where: str, how: EndSettings, type_: object, faults: Faults) -> bool:
    known = type_.targets if isinstance(type_, RefType) else ()
    strange = [target for target in how.targets if target not in known]
    for target in strange:
        faults.unknown(where, "type", target, known)
    return not strange


def _own_parent(
    where: str, how: ParentSettings, declared: EntityType, table: MappedTable, layout: Layout, faults: Faults
) -> TakeParents | None:
    if not _are_parents(where, how, declared, faults):
        return None
    end = end_of(where, how, table, layout, faults)
    return None if end is None else lambda values: _parent(end, values)


def _parent(end: End, values: Sequence[Raw]) -> Iterator[Ref]:
    type_ = end.type_of(values)
    if type_ is not None and not end.is_empty(values):
        # By an id that is none it leads to a row that is missing: what is above is not known.
        yield end.ref(values) or ref_of(type_, None)


def _edges(
    where: str, how: ParentSettings, declared: EntityType, kind: Kind | None, faults: Faults
) -> tuple[Edges, Mapping[str, str]] | None:
    if how.table is None or how.child is None or not _are_parents(where, how, declared, faults):
        return None
    table = faults.table(f"{where}.table", how.table)
    if table is None:
        return None
    child = faults.column(f"{where}.child", table, how.child)
    end = end_of(where, how, table, Layout(), faults)
    if child is None or end is None:
        return None
    if kind is not None and child.kind is not kind:
        faults.add(f"{where}.child", f"`{table.name}.{child.name}` is {child.kind.value}, and the id {kind.value}")
        return None
    return Edges(how.table, how.child, how.column, how.type_column), {"": how.type} if how.type else how.types


def _are_parents(where: str, how: EndSettings, declared: EntityType, faults: Faults) -> bool:
    strange = [target for target in how.targets if target not in declared.parents]
    for target in strange:
        faults.unknown(where, f"parent of `{declared.name}`", target, declared.parents)
    return not strange


def _parents_at(at: int, types: Mapping[str, str]) -> TakeParents:
    """Reads the texts of `Edges`."""

    def take(values: Sequence[Raw]) -> Iterator[Ref]:
        raw = values[at]
        ends = parse(raw) if isinstance(raw, str) else raw
        for end in ends if isinstance(ends, list) else ():
            said, _, id_ = end.partition(":") if isinstance(end, str) else ("", "", "")
            if isinstance(end, str) and said in types:
                yield ref_of(types[said], id_ if is_id(id_) else None)

    return take
