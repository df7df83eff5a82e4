"""Gives and ends roles in an emergency for callers who hold `break_glass`; the role itself they need not hold.

Law: as for other assignments, the caller holds the action at the tenant of each end, and is recorded before it is done.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from policy_lang.facts import Assignment
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.feed import advance, assignment_change
from service.db.turns import take_turn
from service.entities.admission import Admission
from service.entities.break_glass import (
    REASON,
    Emergencies,
    EmergencyGrant,
    check_emergency,
    details_of,
    emergencies,
    end_emergency,
    find_active,
    give_in_emergency,
)
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.entrance import Entrance
from service.entities.stakes import Stakes
from service.errors import DataError
from service.model import Caller
from service.permits import Act, Action
from service.ports import Clock, Gate, Policies, Visitor

BREAK_GLASS = "break_glass"
"""The type of grants in the record of acts."""


class BreakingGlass:
    """The acts of EntityService. PermissionDenied before any other fault; then DataError, NotFound."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        gate: Gate,
        *,
        clock: Clock,
        longest_seconds: int,
        elsewhere: Elsewhere = NOWHERE,
    ) -> None:
        self._database = database
        self._gate = gate
        self._enter = Entrance(gate, policies).enter
        self._clock = clock
        self._longest_seconds = longest_seconds
        self._elsewhere = elsewhere

    def give(self, caller: Caller, wanted: Assignment, reason: str) -> tuple[EmergencyGrant, str]:
        """The grant, and the revision from which it is in force."""
        now = self._clock()
        grant = EmergencyGrant.of(wanted, reason, by=caller.principal.ref, now=now)
        visitor, schema = self._enter(caller, Act(Action.BREAK_GLASS, wanted.subject, details=_told(wanted, reason)))
        check_emergency(wanted, reason, now=now, longest_seconds=self._longest_seconds)
        admitted(schema, wanted)
        mapped = self._elsewhere.tenants_for(visitor, [Action.BREAK_GLASS], schema, grant.ends)
        with self._database.write() as connection:
            take_turn(self._database, connection, [assignment_change(grant.subject)])
            stakes = Stakes(connection, schema, mapped)
            tenants = _approve(visitor, stakes, grant, "give")
            refuse_dangling(stakes, Admission(schema, self._elsewhere), grant)
            give_in_emergency(connection, grant)
            return grant, tell(connection, grant, tenants)

    def end(self, caller: Caller, id_: str) -> tuple[EmergencyGrant, str]:
        """The grant as it was ended, and the revision from which it gives nothing."""
        now, by = self._clock(), caller.principal.ref
        visitor, schema = self._enter(caller, Act(Action.BREAK_GLASS, Ref(BREAK_GLASS, id_), details={"change": "end"}))
        with self._database.read() as connection:
            grant = find_active(connection, id_, now)
        mapped = self._elsewhere.tenants_for(visitor, [Action.BREAK_GLASS], schema, grant.ends)
        with self._database.write() as connection:
            take_turn(self._database, connection, [assignment_change(grant.subject)])
            tenants = _approve(visitor, Stakes(connection, schema, mapped), grant, "end")
            find_active(connection, id_, now)
            end_emergency(connection, id_, by=by, now=now)
            return replace(grant, ended_at=now, ended_by=str(by)), tell(connection, grant, tenants)

    def page(
        self, caller: Caller, *, only_active: bool, place: Ref | None, limit: int, after: str | None
    ) -> Emergencies:
        """Up to `limit` grants, the newest first, those after the id `after`.

        Those at a place are for who holds the action at its tenant, all of them for who holds it everywhere.
        """
        act = Act(Action.BREAK_GLASS, place or Ref(BREAK_GLASS, "*"), details={"read": "break_glass"})
        listed = partial(emergencies, now=self._clock(), only_active=only_active, place=place, limit=limit, after=after)
        if place is None:
            self._gate.admit(caller).require([act])
            with self._database.read() as connection:
                return listed(connection)
        visitor, schema = self._enter(caller, act)
        mapped = self._elsewhere.tenants_for(visitor, [Action.BREAK_GLASS], schema, [place])
        with self._database.read() as connection:
            (tenant,) = Stakes(connection, schema, mapped).tenants([place]).values()
            visitor.require([replace(act, tenant=tenant)])
            return listed(connection)


def admitted(schema: Schema, wanted: Assignment) -> Assignment:
    """The assignment, of a role that there is, to a principal; DataError. Roles that are mapped are to be had too."""
    given = Admission(schema).assignment(_given(wanted.subject), wanted.role, _given(wanted.place))
    if not schema.types[given.subject.type].is_principal:
        raise DataError(f"`{given.subject}` is no principal\nhelp: an emergency is one principal's, not a team's")
    return given._replace(expires_at=wanted.expires_at)


def refuse_dangling(stakes: Stakes, admission: Admission, grant: EmergencyGrant) -> None:
    """DataError where one of its ends is not there: a wrong name must not look like a right one."""
    for ref in grant.ends:
        if admission.has_rows(ref.type) and not stakes.is_there(ref):
            raise DataError(f"there is no `{ref}`")


def tenants_of(stakes: Stakes, grant: EmergencyGrant) -> set[Ref | None]:
    """The tenants of who holds it and of where; None for what has none, and for a role that is held everywhere."""
    return {None} if grant.place is None else set(stakes.tenants(grant.ends).values())


def acts_of(grant: EmergencyGrant, tenants: Collection[Ref | None], change: str) -> list[Act]:
    """What it is to give or to end it, at each tenant."""
    details = details_of(grant, change)
    return [Act(Action.BREAK_GLASS, grant.subject, tenant, details=details) for tenant in sorted(tenants, key=str)]


def tell(connection: Connection, grant: EmergencyGrant, tenants: Collection[Ref | None]) -> str:
    """Ends the write of a grant; the new revision."""
    change = assignment_change(grant.subject)
    return advance(connection, [change], {change: [tenant for tenant in tenants if tenant is not None]})


def _approve(visitor: Visitor, stakes: Stakes, grant: EmergencyGrant, change: str) -> set[Ref | None]:
    tenants = tenants_of(stakes, grant)
    visitor.require(acts_of(grant, tenants, change))
    return tenants


def _told(wanted: Assignment, reason: str) -> dict[str, Json]:
    """What a refusal says of what was wanted; role and reason may be of any length yet."""
    _, most = REASON
    return {
        "change": "give",
        "role": wanted.role[:most],
        "scope": None if wanted.place is None else str(wanted.place),
        "reason": reason[:most],
    }


def _given(ref: Ref | None) -> Json:
    return None if ref is None else {"type": ref.type, "id": ref.id}
