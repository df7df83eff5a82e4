"""Keeps emergency grants: roles of the policies that somebody holds at once, for a while, with a reason.

Laws: a grant has an end and a reason, or it is none; it gives the role and nothing else, so every rule still counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update
from uuid_utils import uuid7

from policy_lang.facts import Assignment
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.facts_tables import break_glass
from service.errors import DataError, LimitExceeded, NotFound
from service.permits import PREFIX

REASON: Final = (10, 500)
"""The fewest and the most characters of a reason."""
KEPT_MS: Final = 30 * 86_400_000
"""How long grants are listed after their end; the decision log has them as long as any record."""
HELD: Final = 8
"""Grants that one principal may hold at once: to tell by which of them it is allowed takes a decision of each."""


@dataclass(frozen=True, slots=True)
class EmergencyGrant:
    """A role that `given_by` gave in an emergency; times are in milliseconds since 1970 UTC."""

    id: str
    subject: Ref
    role: str
    place: Ref | None
    expires_at: int
    reason: str
    given_by: str
    given_at: int
    ended_at: int | None = None
    ended_by: str = ""

    @classmethod
    def of(cls, given: Assignment, reason: str, *, by: Ref, now: int) -> "EmergencyGrant":
        """The assignment as a new grant, whose end `check_emergency` has seen."""
        expires_at = now if given.expires_at is None else given.expires_at
        return cls(str(uuid7()), given.subject, given.role, given.place, expires_at, reason, str(by), now)

    @property
    def ends(self) -> Sequence[Ref]:
        """Who holds it, and where."""
        return [self.subject] if self.place is None else [self.subject, self.place]

    @property
    def assignment(self) -> Assignment:
        """The role as it is held by this grant."""
        return Assignment(self.subject, self.role, self.place, self.expires_at, self.id)

    @property
    def last_in_force(self) -> int:
        """When it ended, or will."""
        return self.expires_at if self.ended_at is None else self.ended_at

    def is_active(self, now: int) -> bool:
        """Whether it is in force."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Emergencies:
    """A page of grants, and the id after which the next begins: None on the last page."""

    found: tuple[EmergencyGrant, ...]
    next_after: str | None


def check_emergency(given: Assignment, reason: str, *, now: int, longest_seconds: int) -> None:
    """Returns where that may be given in an emergency; DataError names what is amiss."""
    fewest, most = REASON
    if given.role.startswith(PREFIX):
        raise DataError(f"`{given.role}` is a role of this service: nobody administers it by an emergency")
    if len(reason.strip()) < fewest or len(reason) > most or not reason.isprintable():
        raise DataError(f"`reason`: {fewest} to {most} characters in one line that say why")
    if given.expires_at is None:
        raise DataError("`expires_at`: required, an emergency ends")
    if not now < given.expires_at <= now + longest_seconds * 1000:
        raise DataError(
            f"`expires_at`: in the future, and within {longest_seconds} seconds"
            "\nhelp: the setting `break_glass.longest_seconds` says how long, up to a day"
        )


def give_in_emergency(connection: Connection, grant: EmergencyGrant) -> None:
    """Writes a grant in a turn for its principal, and forgets those that ended long ago; LimitExceeded over `HELD`."""
    theirs = and_(break_glass.c.subject_type == grant.subject.type, break_glass.c.subject_id == grant.subject.id)
    in_force = select(func.count()).where(theirs, _NOT_ENDED, break_glass.c.expires_at > grant.given_at)
    held = connection.execute(in_force).scalar_one()
    if held >= HELD:
        raise LimitExceeded("emergency_grants", HELD, held + 1)
    connection.execute(delete(break_glass).where(break_glass.c.expires_at < grant.given_at - KEPT_MS))
    place = ("", "") if grant.place is None else grant.place
    connection.execute(
        insert(break_glass).values(
            id=grant.id,
            subject_type=grant.subject.type,
            subject_id=grant.subject.id,
            role=grant.role,
            place_type=place[0],
            place_id=place[1],
            expires_at=grant.expires_at,
            reason=grant.reason,
            given_by=grant.given_by,
            given_at=grant.given_at,
        )
    )


def end_emergency(connection: Connection, id_: str, *, by: Ref, now: int) -> None:
    """Ends a grant that is in force."""
    ended = update(break_glass).where(break_glass.c.id == id_, _NOT_ENDED)
    connection.execute(ended.values(ended_at=now, ended_by=str(by)))


def find_active(connection: Connection, id_: str, now: int) -> EmergencyGrant:
    """The grant of that id that is in force; NotFound where there is none."""
    row = connection.execute(select(break_glass).where(break_glass.c.id == id_)).one_or_none()
    grant = None if row is None else _read(row)
    if grant is None or not grant.is_active(now):
        raise NotFound(f"no emergency grant `{id_}` is in force")
    return grant


def emergencies(
    connection: Connection,
    now: int,
    *,
    only_active: bool,
    place: Ref | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Emergencies:
    """Up to `limit` grants, at a place or anywhere, the newest first, those after the id `after`.

    Unless only the active, those too whose time ended within the last thirty days.
    """
    query = select(break_glass).where(break_glass.c.expires_at > (now if only_active else now - KEPT_MS))
    if only_active:
        query = query.where(_NOT_ENDED)
    if place is not None:
        query = query.where(break_glass.c.place_type == place.type, break_glass.c.place_id == place.id)
    if after is not None:
        query = query.where(break_glass.c.id < after)
    if limit is not None:
        query = query.limit(limit + 1)
    grants = [_read(row) for row in connection.execute(query.order_by(break_glass.c.id.desc()))]
    next_after = grants[limit - 1].id if limit is not None and len(grants) > limit else None
    return Emergencies(tuple(grants[:limit]), next_after)


def in_force_since(connection: Connection, since: int) -> list[EmergencyGrant]:
    """The grants that were in force after that moment, those that have ended meanwhile too."""
    end = func.coalesce(break_glass.c.ended_at, break_glass.c.expires_at)
    query = select(break_glass).where(break_glass.c.expires_at > since, end > since)
    return [_read(row) for row in connection.execute(query.order_by(break_glass.c.id))]


def details_of(grant: EmergencyGrant, change: str) -> dict[str, Json]:
    """What the record of an act says of a grant."""
    return {
        "change": change,
        "break_glass": grant.id,
        "role": grant.role,
        "scope": None if grant.place is None else str(grant.place),
        "expires_at": format_timestamp(grant.expires_at),
        "reason": grant.reason,
    }


def _read(row: "Row[tuple[object, ...]]") -> EmergencyGrant:
    return EmergencyGrant(
        id=row.id,
        subject=Ref(row.subject_type, row.subject_id),
        role=row.role,
        place=Ref(row.place_type, row.place_id) if row.place_type else None,
        expires_at=row.expires_at,
        reason=row.reason,
        given_by=row.given_by,
        given_at=row.given_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by or "",
    )


_NOT_ENDED: Final = break_glass.c.ended_at.is_(None)
