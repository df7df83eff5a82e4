"""Builds what the background process runs beside compiling, from the shipper to pruning. It loads no gRPC."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Final

from service.app.checkpointing import build_checkpoints
from service.app.glass import GlassWatch
from service.app.life import wall_clock
from service.app.replaying import build_replays
from service.app.retaining import build_expiry
from service.app.reviewing import build_reviews
from service.app.shipping import gauge_shipping
from service.app.upkeep import Upkeep, keep_up
from service.app.verifying import build_verifications
from service.authn.api_keys.store import ApiKeyStore
from service.authn.sessions.store import SessionStore
from service.config import Settings
from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.db.opening import open_database
from service.decisions.partitioning import make_partitions
from service.decisions.shipper import Shipper
from service.entities.transfer_wiring import build_transfer_work
from service.faults import Faults
from service.feed.pruning import prune_changes
from service.policies.in_force import StoredInForce
from service.revocations.store import RevocationStore
from service.samples import Samples

AGAIN_SECONDS: Final = 5.0
"""Until work that a fault has ended is begun again."""

Work = Callable[[threading.Event], None]
"""Goes on until the event is set, or returns where there is nothing to be done."""


def run_background(
    settings: Settings,
    stop: threading.Event,
    report: Callable[[Samples], None],
    urgent: Executor | None = None,
) -> None:
    """Ships the record until `stop` is set, then ships what is left; writes checkpoints of it, the last one at the end.

    What has waited too long for this thread, which may be a patient one, is shipped by `urgent`.
    Prunes what is not needed any more, too, and reports how it stands. ConfigError if the key of checkpoints cannot be
    used.
    """
    database, facts = open_database(settings.log_database_url), open_database(settings.database_url)
    own = settings.retention.log_database
    retained = open_database(own) if own else database  # the same where it can be: on SQLite its writers take turns
    checkpoints = build_checkpoints(settings, database)
    is_from_store = settings.policies_source == "store"
    transfers = build_transfer_work(settings, facts, StoredInForce(facts) if is_from_store else None)
    shipper = Shipper(settings.spool_folder, database, Partitions(settings.partitions.span_ms), urgent=urgent)
    expiry = build_expiry(settings, retained)
    glass = GlassWatch(facts, wall_clock)
    tellers = (checkpoints.tell, expiry.tell, glass.tell)
    works: tuple[tuple[str, Work], ...] = (
        *((name, partial(keep_up, name=name, upkeep=each)) for name, each in _upkeep(settings, facts, database)),
        ("checkpoints", partial(checkpoints.run, every=settings.checkpoint_seconds)),
        ("shipping", partial(gauge_shipping, shipper=shipper, settings=settings, others=tellers, report=report)),
        ("break-glass", glass.run),
        ("retention", expiry.run),
        ("replays", build_replays(settings, facts, database).run),
        ("reviews", build_reviews(settings, facts).run),
        ("transfers", transfers.run),
        ("verifications", build_verifications(settings, facts, database).run),
    )
    others = [threading.Thread(target=keep_at, args=(name, work, stop), name=name, daemon=True) for name, work in works]
    for each in others:
        each.start()
    try:
        shipper.run(stop)
    finally:
        stop.set()
        for each in others:
            each.join()
        checkpoints.try_write()
        for each_database in (facts, retained, database):
            each_database.close()


def _upkeep(settings: Settings, facts: Database, log: Database) -> Iterator[tuple[str, Upkeep]]:
    """What both databases need from time to time."""
    yield "changes", partial(prune_changes, facts)
    yield "revocations", RevocationStore(facts).prune
    yield "keys", ApiKeyStore(facts).prune
    yield "sessions", SessionStore(facts).prune
    if not log.is_embedded:
        yield "partitions", partial(make_partitions, log, settings.partitions)


def keep_at(name: str, work: Work, stop: threading.Event, *, again: float = AGAIN_SECONDS) -> None:
    """Does the work until `stop` is set; a fault, which the log has, neither ends it for good nor any other work."""
    while True:
        with Faults("background.fault", work=name):
            work(stop)
            return
        if stop.wait(again):
            return
