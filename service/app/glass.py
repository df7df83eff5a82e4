"""Watches the emergency grants, says aloud which begin and end, and tells how many are in force."""

import threading
from typing import Final

from policy_lang.notation import format_timestamp
from service.db.engine import Database
from service.entities.break_glass import EmergencyGrant, emergencies
from service.errors import FactsUnavailable
from service.ports import Clock
from service.samples import Samples
from service.telemetry import get_log

EVERY_SECONDS: Final = 1.0

_log = get_log("break-glass")


class GlassWatch:
    """What one process has said of them; after a start it says anew which are in force."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._active: dict[str, EmergencyGrant] = {}

    def run(self, stop: threading.Event) -> None:
        """Looks at them once a second until `stop` is set."""
        while True:
            self.look()
            if stop.wait(EVERY_SECONDS):
                return

    def look(self) -> None:
        """Where the database does not answer, what was known stays so until the next time."""
        try:
            with self._database.read() as connection:
                active = {each.id: each for each in emergencies(connection, self._clock(), only_active=True)}
        except FactsUnavailable:
            return
        for id_ in active.keys() - self._active.keys():
            _log.warning("the glass is broken: an emergency grant is in force", **_said(active[id_]))
        for id_ in self._active.keys() - active.keys():
            _log.warning("an emergency grant has ended", **_said(self._active[id_]))
        self._active = active

    def tell(self, samples: Samples) -> None:
        """Says how many there are."""
        samples.gauges["magistrate_break_glass_active"] = len(self._active)


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
