"""Builds what a worker and the background process need of a store of policies."""

import threading
from typing import TYPE_CHECKING, Final

from service.config import Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.desk import Desk
from service.policies.activations import Activations
from service.policies.office import PolicyOffice
from service.policies.review_forms import REVIEWS
from service.policies.review_office import ReviewOffice
from service.policies.signing import Signatures
from service.policies.store import BundleStore
from service.policies.trials import Trials
from service.ports import Clock, Gate

if TYPE_CHECKING:
    from service.policies.following import Workers
    from service.policies.watching import Fits

POLICIES: Final = "verdict on policies"
"""The kind of work that checking policies is."""


def build_office(settings: Settings, database: Database, *, gate: Gate, clock: Clock) -> PolicyOffice:
    """What does the acts of PolicyService; ConfigError for a key that is none."""
    return PolicyOffice(
        gate=gate,
        store=BundleStore(database),
        activations=Activations(database),
        trials=Trials(database),
        desk=Desk(database, settings.replica_id, POLICIES),
        signatures=Signatures.of(settings.bundle_keys),
        clock=clock,
    )


def build_review_office(settings: Settings, database: Database, *, gate: Gate) -> ReviewOffice:
    """What has policies tested and compared."""
    return ReviewOffice(
        gate=gate,
        store=BundleStore(database),
        activations=Activations(database),
        desk=Desk(database, settings.replica_id, REVIEWS),
    )


def follow_store(settings: Settings, workers: "Workers", stop: threading.Event, fits: "Fits") -> None:
    """Follows the store until `stop` is set; ConfigError or FactsUnavailable where that cannot begin."""
    # Here, for it loads the checker of policies, which no worker needs.
    from service.policies.following import StoreFollower

    database = open_database(settings.database_url)
    try:
        StoreFollower(
            settings.replica_id,
            store=BundleStore(database),
            activations=Activations(database),
            trials=Trials(database),
            desk=Desk(database, settings.replica_id, POLICIES),
            signatures=Signatures.of(settings.bundle_keys),
            workers=workers,
            fits=fits,
        ).run(stop)
    finally:
        database.close()
