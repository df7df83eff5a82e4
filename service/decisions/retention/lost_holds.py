"""Finds the holds that were placed, and are gone or changed though no record says that they were lifted.

Law: the record of a lift is in the log before the hold goes, and names the moment when that was placed: of which act
came first the ids say nothing, for they are of the clocks of several hosts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from policy_lang.types import Json
from service.db.engine import Database
from service.db.log_tables import decision
from service.decisions.payload import BadPayload, decode_record
from service.decisions.retention.holds import hold_fields, holds
from service.permits import PREFIX

HOLD: Final = f"{PREFIX}log.hold"
"""The action of the record of a hold that is placed; its inputs are `hold_fields`."""
LIFT: Final = f"{PREFIX}log.lift"
"""That of one that is lifted."""


@dataclass(frozen=True, slots=True)
class LostHold:
    """A hold that should be there: by whom it was placed, and when (as the record tells)."""

    name: str
    placed_by: str
    placed_at: str


def find_lost_holds(database: Database) -> tuple[LostHold, ...]:
    """Those of which there is still a record, by their names; a record that was changed is for others to find."""
    acts = select(decision.c.action, decision.c.body).where(decision.c.action.in_([HOLD, LIFT]))
    placed: dict[str, Mapping[str, Json]] = {}
    lifted: set[tuple[Json, Json]] = set()
    with database.read() as connection:
        for action, body in connection.execute(acts.order_by(decision.c.id)):
            try:
                fields = decode_record(body).inputs
            except BadPayload:
                continue
            if action == HOLD:
                placed[str(fields.get("name"))] = fields
            else:
                lifted.add(_named(fields))
        there = {hold.name: hold_fields(hold) for hold in holds(connection)}
    return tuple(
        LostHold(name, str(fields.get("placed_by")), str(fields.get("placed_at")))
        for name, fields in sorted(placed.items())
        if there.get(name) != fields and _named(fields) not in lifted
    )


def _named(fields: Mapping[str, Json]) -> tuple[Json, Json]:
    """What tells a hold from every other, also from a later one of the same name."""
    return fields.get("name"), fields.get("placed_at")
