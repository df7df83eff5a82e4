"""The legal holds: what one holds is neither taken out when it expires nor erased, until the hold is lifted.

Law: who places or lifts a hold, and who takes records out, wait for each other (`TURN`), so a hold that is placed holds
all that is still there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, false, insert, or_, select, true

from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.log_tables import decision, log_hold
from service.decisions.rows import indexed
from service.errors import HoldRefused

TURN: Final = 0x6D61_6769_0009
"""The advisory lock of holds, and of what takes records out."""
MOST: Final = 1000
"""Holds at once: each is a condition in the statements that take records out."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held: the records that fit all that is given, None fits any. `since` is included, `until` is not."""

    name: str
    reason: str
    placed_by: str
    placed_at: int
    principal: Ref | None = None
    resource: Ref | None = None
    tenant: Ref | None = None
    since: int | None = None
    until: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether it says what it holds at all."""
        return any(each is not None for each in (self.principal, self.resource, self.tenant, self.since, self.until))


def place(connection: Connection, hold: Hold) -> None:
    """Places a hold; HoldRefused for one that narrows nothing, whose name is taken, or where there are MOST."""
    if not hold.narrows:
        raise HoldRefused("a hold says what it holds: by principal, resource, tenant or time")
    known = {each.name for each in holds(connection)}
    if hold.name in known:
        raise HoldRefused(f"there is a hold `{hold.name}`\nhelp: give this one another name, or lift that one")
    if len(known) >= MOST:
        raise HoldRefused(f"there are {MOST} holds, and no more can be placed")
    connection.execute(insert(log_hold), _row(hold))


def find(connection: Connection, name: str) -> Hold:
    """The hold of that name; HoldRefused where there is none."""
    found = next((hold for hold in holds(connection) if hold.name == name), None)
    if found is None:
        raise HoldRefused(f"there is no hold `{name}`")
    return found


def lift(connection: Connection, hold: Hold) -> None:
    """Lifts a hold; HoldRefused where it is not there any more."""
    if find(connection, hold.name) != hold:
        raise HoldRefused(f"the hold `{hold.name}` is another by now")
    connection.execute(delete(log_hold).where(log_hold.c.name == hold.name))


def holds(connection: Connection) -> list[Hold]:
    """All holds, by their names."""
    return [
        Hold(
            name=row.name,
            reason=row.reason,
            placed_by=row.placed_by,
            placed_at=row.placed_at,
            principal=_ref(row.principal_type, row.principal_id),
            resource=_ref(row.resource_type, row.resource_id),
            tenant=_ref(row.tenant_type, row.tenant_id),
            since=row.since,
            until=row.until,
        )
        for row in connection.execute(select(log_hold).order_by(log_hold.c.name))
    ]


def hold_fields(hold: Hold) -> dict[str, Json]:
    """A hold for programs, and for the record."""
    return {
        "name": hold.name,
        "principal": _text(hold.principal),
        "resource": _text(hold.resource),
        "tenant": _text(hold.tenant),
        "since": None if hold.since is None else format_timestamp(hold.since),
        "until": None if hold.until is None else format_timestamp(hold.until),
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": format_timestamp(hold.placed_at),
    }


def is_held(by: Iterable[Hold]) -> ColumnElement[bool]:
    """Whether a row of `decision` is held by one of these; never NULL.

    A principal is held where it asked, was asked about, or was what was asked about.
    """
    return or_(false(), *(_fits(hold) for hold in by))


def naming(ref: Ref) -> tuple[ColumnElement[bool], ...]:
    """Whether a row of `decision` names this one as principal, as caller, as resource; each has an index."""
    columns = decision.c
    pairs = (
        (columns.principal_type, columns.principal_id),
        (columns.caller_type, columns.caller_id),
        (columns.resource_type, columns.resource_id),
    )
    return tuple(and_(type_ == indexed(ref.type), id_ == indexed(ref.id)) for type_, id_ in pairs)


def _fits(hold: Hold) -> ColumnElement[bool]:
    columns = decision.c
    conditions: list[ColumnElement[bool]] = [true()]
    if hold.principal is not None:
        conditions.append(or_(*naming(hold.principal)))
    if hold.resource is not None:
        conditions.append(columns.resource_type == indexed(hold.resource.type))
        conditions.append(columns.resource_id == indexed(hold.resource.id))
    if hold.tenant is not None:
        conditions.append(is_of(hold.tenant))
    if hold.since is not None:
        conditions.append(columns.time >= hold.since)
    if hold.until is not None:
        conditions.append(columns.time < hold.until)
    return and_(*conditions)


def is_of(tenant: Ref) -> ColumnElement[bool]:
    """Whether a row of `decision` is that tenant's; never NULL, though its columns may be."""
    type_, id_ = decision.c.tenant_type, decision.c.tenant_id
    return and_(type_.is_not(None), type_ == indexed(tenant.type), id_.is_not(None), id_ == indexed(tenant.id))


def _ref(type_: str | None, id_: str | None) -> Ref | None:
    return None if type_ is None or id_ is None else Ref(type_, id_)


def _text(ref: Ref | None) -> str | None:
    return None if ref is None else str(ref)


def _row(hold: Hold) -> dict[str, str | int | None]:
    row: dict[str, str | int | None] = {
        "name": hold.name,
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at,
        "since": hold.since,
        "until": hold.until,
    }
    for name, ref in (("principal", hold.principal), ("resource", hold.resource), ("tenant", hold.tenant)):
        row |= {f"{name}_type": None if ref is None else ref.type, f"{name}_id": None if ref is None else ref.id}
    return row
