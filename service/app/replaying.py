"""Builds what replays the record in the background process, with the policies that records were made by."""

from service.config import Settings
from service.db.engine import Database
from service.decisions.replay_forms import REPLAYS
from service.decisions.replays import Replays
from service.desk import Desk
from service.errands import Errands
from service.policies.former import find_former
from service.policies.store import BundleStore


def build_replays(settings: Settings, facts: Database, log: Database) -> Errands:
    """What does the replays of this replica; policies that were never pushed are not at hand."""
    return Errands(Desk(facts, settings.replica_id, REPLAYS), Replays(log, find_former({}, BundleStore(facts))))
