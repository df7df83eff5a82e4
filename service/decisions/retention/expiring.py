"""Takes out what has expired, a step at a time, on one replica at a time; and says beforehand what it would take.

Law: a step is one short transaction, and between two of them it rests for as long as one took, so that shipping never
waits for more than a step. Every note is recorded before it is in force, in the chain that it is not about yet.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.db.engine import Database
from service.decisions.retention.dropping import drop_whole, droppable
from service.decisions.retention.holds import TURN, Hold, holds
from service.decisions.retention.notes import NoteKind, WrittenNote
from service.decisions.retention.removing import STEP, Warrant, remove
from service.decisions.retention.stretches import Candidate, Stretch, candidates, describe, stretches
from service.errors import AuditUnavailable, FactsUnavailable
from service.retention_settings import RetentionSettings
from service.samples import Samples
from service.telemetry import get_log

LEAST_REST: Final = 0.01
"""Seconds between two steps at least."""

_PASS: Final = 0x6D61_6769_0005
"""The advisory lock of the replica that looks for what expired."""

_log = get_log("retention")

Witness = Callable[[WrittenNote], None]
"""Who records a note; AuditUnavailable where that cannot be, and then nothing is taken out."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What of a stretch has expired: how many records would go, and how many are held."""

    stretch: Stretch
    records: int
    held: int


@dataclass(frozen=True, slots=True)
class Expired:
    """How many records went, under how many notes; how many had expired and do not fit their links, and stay.

    `is_whole` is false where another replica was at it.
    """

    records: int
    notes: int
    unfit: int
    is_whole: bool


class Expiry:
    """Keeps the log's database to the settings of retention."""

    def __init__(
        self,
        database: Database,
        settings: RetentionSettings,
        key: Ed25519PrivateKey | None,
        by: str,
        witness: Witness,
    ) -> None:
        self._database = database
        self._settings = settings
        self._key = key
        self._by = by
        self._witness = witness
        self._passes = {"done": 0, "elsewhere": 0, "failed": 0}
        self._removed = self._unfit = 0
        self._good_at = 0.0

    def tell(self, samples: Samples) -> None:
        """Says how its passes went, and what they took out."""
        for result, times in self._passes.items():
            samples.counters["magistrate_retention_passes", (("result", result),)] = times
        samples.counters["magistrate_retention_removed", ()] = self._removed
        samples.counters["magistrate_retention_unfit", ()] = self._unfit
        if self._good_at:
            samples.gauges["magistrate_retention_success_timestamp_seconds"] = self._good_at

    def run(self, stop: threading.Event) -> None:
        """Takes out what has expired, now and each so many seconds, until `stop` is set."""
        if self._settings.keeps_everything:
            return
        while not stop.is_set():
            try:
                done = self.expire(stop)
                self._note(done)
                if done.records or done.unfit:
                    _log.info("retention.expired", records=done.records, notes=done.notes, unfit=done.unfit)
            except (FactsUnavailable, AuditUnavailable) as error:
                self._passes["failed"] += 1
                _log.warning("retention.failed", error=str(error))
            stop.wait(self._settings.every_seconds)

    def _note(self, done: Expired) -> None:
        self._passes["done" if done.is_whole else "elsewhere"] += 1
        self._removed += done.records
        self._unfit += done.unfit
        self._good_at = time.time()

    def expire(self, stop: threading.Event, now: int | None = None) -> Expired:
        """One pass over all that has expired by now (milliseconds since 1970 UTC), or until `stop` is set.

        FactsUnavailable or AuditUnavailable where it cannot go on; what is done by then is done.
        """
        at = time.time_ns() // 1_000_000 if now is None else now
        dropped = self._drop(at, stop)
        records, notes, unfit = dropped.records, dropped.notes, 0
        if not dropped.is_whole:
            return dropped
        for stretch in stretches(self._settings, at):
            for ids in self._steps(stretch, stop):
                began = time.monotonic()
                done = self._step(stretch, ids, at)
                if done is None:
                    return Expired(records, notes, unfit, is_whole=False)
                records, notes, unfit = records + done[0], notes + done[1], unfit + done[2]
                stop.wait(max(LEAST_REST, time.monotonic() - began))
        return Expired(records, notes, unfit, is_whole=not stop.is_set())

    def foresee(self, now: int) -> list[Foreseen]:
        """What a pass at that time would take out; nothing is changed."""
        return [self._count(stretch) for stretch in stretches(self._settings, now)]

    def _drop(self, now: int, stop: threading.Event) -> Expired:
        """Drops the partitions of which all has expired; what cannot be dropped just now goes row by row."""
        records = notes = 0
        warrant = Warrant(NoteKind.EXPIRED, self._by, "a partition of which all had expired", now, self._key)
        for whole in droppable(self._database, list(stretches(self._settings, now))):
            if stop.is_set():
                break
            try:
                with self._database.write() as connection:
                    if not self._database.has_turn(connection, _PASS):
                        return Expired(records, notes, 0, is_whole=False)
                    self._database.wait_for(connection, TURN)
                    note = drop_whole(connection, whole, warrant)
                    if note is not None:
                        self._witness(note)
            except FactsUnavailable as error:
                _log.warning("retention.not_dropped", error=str(error))
                continue
            if note is not None:
                records, notes = records + note.content.records, notes + 1
        return Expired(records, notes, 0, is_whole=True)

    def _count(self, stretch: Stretch) -> Foreseen:
        records = held = 0
        for page in self._pages(stretch):
            records += sum(each.applies and not each.is_held for each in page)
            held += sum(each.applies and each.is_held for each in page)
        return Foreseen(stretch, records, held)

    def _steps(self, stretch: Stretch, stop: threading.Event) -> Iterator[list[str]]:
        for page in self._pages(stretch):
            if stop.is_set():
                return
            if ids := [each.id for each in page if each.applies and not each.is_held]:
                yield ids

    def _pages(self, stretch: Stretch) -> Iterator[list[Candidate]]:
        after: str | None = None
        while page := candidates(self._database, stretch, self._holds(), after=after, limit=STEP):
            yield page
            after = page[-1].id

    def _holds(self) -> list[Hold]:
        with self._database.read() as connection:
            return holds(connection)

    def _step(self, stretch: Stretch, ids: list[str], now: int) -> tuple[int, int, int] | None:
        """Records, notes and records that stay, of one transaction; None where another replica is at it."""
        warrant = Warrant(NoteKind.EXPIRED, self._by, describe(stretch), now, self._key)
        with self._database.write() as connection:
            if not self._database.has_turn(connection, _PASS):
                return None
            self._database.wait_for(connection, TURN)
            removal = remove(connection, ids, warrant)
            if removal.note is not None:
                self._witness(removal.note)
        if removal.unfit:
            _log.error("retention.unfit", records=len(removal.unfit), first=removal.unfit[0])
        if removal.note is None:
            return 0, 0, len(removal.unfit)
        return removal.note.content.records, 1, len(removal.unfit)
