"""Says which records have expired, as stretches of an index: one for each tenant that is named, and effect.

A record's age is that of its id, a UUIDv7, in whose order the indexes are. Records of acts on the service itself are a
stretch of their own, whatever their effect and tenant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, not_, or_, select

from policy_lang.decision import Effect
from policy_lang.notation import format_duration
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_partitions import first_id
from service.db.log_tables import decision
from service.decisions.retention.holds import Hold, is_held, is_of
from service.permits import PREFIX
from service.retention_settings import RetentionSettings

_AFTER_PREFIX: Final = f"{PREFIX[:-1]}{chr(ord(PREFIX[-1]) + 1)}"
_IS_ACT: Final = and_(decision.c.action >= PREFIX, decision.c.action < _AFTER_PREFIX)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records that are kept for so long (milliseconds): those made before `before` (since 1970 UTC) have expired.

    `within` is the stretch of an index, `applies` which of its records are meant.
    """

    name: str
    kept: int
    before: int
    within: ColumnElement[bool]
    applies: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record in a stretch: whether it is one of those meant, and whether it is held."""

    id: str
    applies: bool
    is_held: bool


def stretches(settings: RetentionSettings, now: int) -> Iterator[Stretch]:
    """What has expired by the settings at that time (milliseconds since 1970 UTC)."""
    tenants = [(name, _ref(name)) for name in settings.tenants]
    of_others = not_(or_(*(is_of(tenant) for _, tenant in tenants))) if tenants else None
    for effect in Effect:
        said = decision.c.effect == effect.value
        for name, tenant in tenants:
            if (kept := settings.kept(name, effect.value)) is not None:
                applies = and_(said, not_(_IS_ACT))
                yield Stretch(f"{effect.value} of {name}", kept, now - kept, is_of(tenant), applies)
        if (kept := settings.kept(None, effect.value)) is not None:
            applies = not_(_IS_ACT) if of_others is None else and_(not_(_IS_ACT), of_others)
            others = "of all others" if tenants else "of all"
            yield Stretch(f"{effect.value} {others}", kept, now - kept, said, applies)
    if settings.acts is not None:
        yield Stretch("acts on the service", settings.acts, now - settings.acts, _IS_ACT, _IS_ACT)


def candidates(
    database: Database, stretch: Stretch, holds: list[Hold], *, after: str | None, limit: int
) -> list[Candidate]:
    """The next records of the stretch behind the id `after`, in their order: one page, however many are kept."""
    key = decision.c.id
    query = select(key, stretch.applies, is_held(holds)).where(stretch.within, key < first_id(max(0, stretch.before)))
    if after is not None:
        query = query.where(key > after)
    with database.read() as connection:
        rows = connection.execute(query.order_by(key).limit(limit)).all()
    return [Candidate(id_, bool(applies), bool(held)) for id_, applies, held in rows]


def describe(stretch: Stretch) -> str:
    """The stretch in words."""
    return f"{stretch.name}, kept {format_duration(stretch.kept)}"


def _ref(name: str) -> Ref:
    type_, _, id_ = name.partition(":")
    return Ref(type_, id_)
