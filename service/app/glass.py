"""Watches the emergency grants, says aloud which begin and end, and tells how many are in force, and when one last was.

Law: none is too short to be heard of. A look sees those too that began and ended since the last, or before a start.
"""

import threading
from typing import Final

from policy_lang.notation import format_timestamp
from service.db.engine import Database
from service.entities.break_glass import EmergencyGrant, in_force_since
from service.errors import FactsUnavailable
from service.ports import Clock
from service.samples import Samples
from service.telemetry import get_log

EVERY_SECONDS: Final = 1.0
RECENT_MS: Final = 3_600_000
"""How far back a look sees grants that have ended: longer than a process is away that is begun again."""

_log = get_log("break-glass")


class GlassWatch:
    """What one process has said of them; after a start it says anew which are in force, or were within the hour."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._recent: dict[str, EmergencyGrant] = {}
        self._active: frozenset[str] = frozenset()
        self._gauges: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Looks at them once a second until `stop` is set."""
        while True:
            self.look()
            if stop.wait(EVERY_SECONDS):
                return

    def look(self) -> None:
        """Where the database does not answer, what was known stays so until the next time."""
        now = self._clock()
        try:
            with self._database.read() as connection:
                recent = {each.id: each for each in in_force_since(connection, now - RECENT_MS)}
        except FactsUnavailable:
            return
        begun = recent.keys() - self._recent.keys()
        for id_ in sorted(begun):
            _log.warning("the glass is broken: an emergency grant is in force", **_said(recent[id_]))
        active = frozenset(id_ for id_, grant in recent.items() if grant.is_active(now))
        for id_ in sorted((self._active | begun) - active):
            _log.warning("an emergency grant has ended", **_said((self._recent | recent)[id_]))
        self._recent, self._active = recent, active
        last = max((min(now, each.last_in_force) for each in recent.values()), default=0)
        self._gauges = {
            "magistrate_break_glass_active": len(active),
            "magistrate_break_glass_last_timestamp_seconds": last / 1000,
        }

    def tell(self, samples: Samples) -> None:
        """Says how many there are, and when one last was; nothing before the first look."""
        samples.gauges |= self._gauges


def _said(grant: EmergencyGrant) -> dict[str, str]:
    return {
        "break_glass": grant.id,
        "principal": str(grant.subject),
        "role": grant.role,
        "scope": "" if grant.place is None else str(grant.place),
        "until": format_timestamp(grant.expires_at),
        "reason": grant.reason,
        "given_by": grant.given_by,
    }
