"""How the rows of a table of roles, or of a stored relation, are read: its ends, its role and when it expires."""

from collections.abc import Sequence
from dataclasses import dataclass

from policy_lang.facts import Assignment, Link
from policy_lang.notation import FIRST_TIME
from policy_lang.schema import Schema
from service.db.mapped.columns import MappedTable
from service.db.mapped.statements import Branch, Key, Same
from service.entities.admission import types_that_hold_roles
from service.entities.mapped.cells import Misfit, ReadRaw, moment_reader
from service.entities.mapped.ends import End, Layout, end_of
from service.entities.mapped.faults import Faults
from service.entities.mapped.raw import Raw
from service.errors import FactsUnavailable, Trouble
from service.source_settings import ColumnSettings, RelationSettings, RoleSettings


@dataclass(frozen=True, slots=True)
class Expiry:
    """Where a row says until when it counts."""

    table: str
    at: int
    read: ReadRaw

    def moment(self, values: Sequence[Raw]) -> int | None:
        """Milliseconds, None for ever; FactsUnavailable where nobody can tell, which is no guess either way."""
        raw = values[self.at]
        if raw is None or raw == "infinity":
            return None
        if raw == "-infinity":
            return FIRST_TIME
        cell = self.read(raw)
        if not isinstance(cell, int):
            raise FactsUnavailable(f"a row of `{self.table}` expires at no time that can be read", Trouble.DATA)
        return cell


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to look rows up: by an end of one type, or by two. `texts` are the parameters that are always so."""

    types: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    branch: Branch


@dataclass(frozen=True, slots=True)
class TiePlan:
    """A table that ties `subject` to `place`: `by_subject` and `by_place` find its rows, `by_both` of relations."""

    subject: End
    place: End | None
    role: str | None
    role_at: int | None
    roles: tuple[tuple[str, str], ...]
    expiry: Expiry | None
    width: int
    by_subject: tuple[Variant, ...]
    by_place: tuple[Variant, ...]
    by_both: tuple[Variant, ...]

    def assignment(self, values: Sequence[Raw]) -> Assignment | None:
        """The assignment that a row is; None where it ties nobody, or means no role of the policies."""
        subject, role = self.subject.ref(values), self._role(values)
        place = self.place.ref(values) if self.place is not None else None
        if subject is None or role is None or (self.place is not None and place is None):
            return None
        return Assignment(subject, role, place, self._expires_at(values))

    def link(self, values: Sequence[Raw]) -> Link | None:
        """The row of a stored relation; None where it ties nobody."""
        resource = self.place.ref(values) if self.place is not None else None
        subject = self.subject.ref(values)
        if resource is None or subject is None or self.role is None:
            return None
        return Link(resource, self.role, subject, self._expires_at(values))

    def _role(self, values: Sequence[Raw]) -> str | None:
        if self.role_at is None:
            return self.role
        said = values[self.role_at]
        return dict(self.roles).get(str(said)) if isinstance(said, str | int) else None

    def _expires_at(self, values: Sequence[Raw]) -> int | None:
        return self.expiry.moment(values) if self.expiry is not None else None


def plan_roles(number: int, how: RoleSettings, schema: Schema, faults: Faults) -> TiePlan | None:
    """The plan of a table of roles; None where a fault leaves it without."""
    where, before = f"roles.{number}", len(faults.found)
    for role in how.names:
        _check_role(where, role, how, schema, faults)
    holders = sorted(types_that_hold_roles(schema))
    for target in how.subject.targets:
        if target not in holders:
            faults.unknown(f"{where}.subject", "type that holds roles", target, holders)
    table = faults.table(f"{where}.table", how.table)
    if table is None:
        return None
    layout = Layout()
    subject = end_of(f"{where}.subject", how.subject, table, layout, faults)
    place = end_of(f"{where}.at", how.at, table, layout, faults) if how.at is not None else None
    said = faults.column(f"{where}.role_column", table, how.role_column) if how.role_column is not None else None
    role_at = layout.place(said.name) if said is not None else None
    expiry = _expiry(f"{where}.expires_at", how.expires_at, table, layout, faults)
    if len(faults.found) > before or subject is None:
        return None
    return TiePlan(
        subject=subject,
        place=place,
        role=how.role,
        role_at=role_at,
        roles=tuple(how.roles.items()),
        expiry=expiry,
        width=len(layout.columns),
        by_subject=_variants(number, how.table, layout, (subject,)),
        by_place=_variants(number, how.table, layout, () if place is None else (place,)),
        by_both=(),
    )


def plan_relation(number: int, at: int, how: RelationSettings, schema: Schema, faults: Faults) -> TiePlan | None:
    """The plan of the `at`-th relation; None where a fault leaves it without."""
    where, before = f"relations.{at}", len(faults.found)
    stands_on = [on for name, on in schema.relations if name == how.relation]
    if not stands_on:
        faults.unknown(f"{where}.relation", "stored relation", how.relation, {name for name, _ in schema.relations})
    for on in how.resource.targets if stands_on else ():
        declared = schema.relations.get((how.relation, on))
        if declared is None:
            faults.unknown(f"{where}.resource", f"resource of `{how.relation}`", on, stands_on)
            continue
        for target in how.subject.targets:
            if target not in declared.subjects:
                faults.unknown(f"{where}.subject", f"subject of `{how.relation}`", target, declared.subjects)
    table = faults.table(f"{where}.table", how.table)
    if table is None:
        return None
    layout = Layout()
    resource = end_of(f"{where}.resource", how.resource, table, layout, faults)
    subject = end_of(f"{where}.subject", how.subject, table, layout, faults)
    expiry = _expiry(f"{where}.expires_at", how.expires_at, table, layout, faults)
    if len(faults.found) > before or resource is None or subject is None:
        return None
    return TiePlan(
        subject=subject,
        place=resource,
        role=how.relation,
        role_at=None,
        roles=(),
        expiry=expiry,
        width=len(layout.columns),
        by_subject=(),
        by_place=_variants(number, how.table, layout, (resource,)),
        by_both=_variants(number, how.table, layout, (resource, subject)),
    )


def _check_role(where: str, name: str, how: RoleSettings, schema: Schema, faults: Faults) -> None:
    role = schema.roles.get(name)
    if role is None:
        faults.unknown(where, "role", name, schema.roles)
    elif role.on is None and how.at is not None:
        faults.add(f"{where}.at", f"role `{name}` is held everywhere, at no place")
    elif role.on is not None and how.at is None:
        faults.add(where, f"role `{name}` is held at a `{role.on}`", "say by `at` which column has it")
    elif role.on is not None and how.at is not None and how.at.targets != (role.on,):
        faults.add(f"{where}.at", f"role `{name}` is held at a `{role.on}`, and at nothing else")


def _expiry(
    where: str, how: ColumnSettings | None, table: MappedTable, layout: Layout, faults: Faults
) -> Expiry | None:
    column = faults.column(where, table, how.column) if how is not None else None
    if how is None or column is None:
        return None
    try:
        return Expiry(table.name, layout.place(column.name), moment_reader(column, how))
    except Misfit as error:
        what, _, help_ = str(error).partition("\nhelp: ")
        faults.add(where, f"`{table.name}.{column.name}`: {what}", help_)
        return None


def _variants(number: int, table: str, layout: Layout, ends: tuple[End, ...]) -> tuple[Variant, ...]:
    """A variant for every type of every end; without ends, the one that reads the whole table."""
    ways: list[tuple[tuple[End, str, str | None], ...]] = [()]
    for end in ends:
        ways = [(*way, (end, type_, said)) for way in ways for type_, said in end.variants()]
    return tuple(_variant(number, at, table, layout, way) for at, way in enumerate(ways))


def _variant(number: int, at: int, table: str, layout: Layout, way: tuple[tuple[End, str, str | None], ...]) -> Variant:
    names = [f"{number}_{at}_{place}" for place in range(len(way))]
    keys = tuple(Key(end.column, end.kind, f"k{name}") for name, (end, _, _) in zip(names, way, strict=True))
    said = [(f"v{name}", end.type_column, text) for name, (end, _, text) in zip(names, way, strict=True)]
    same = tuple(Same(column, name) for name, column, text in said if column is not None and text is not None)
    return Variant(
        types=tuple(type_ for _, type_, _ in way),
        texts=tuple((name, text) for name, _, text in said if text is not None),
        branch=Branch(number, table, keys, same, layout.columns),
    )
