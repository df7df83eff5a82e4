"""Builds what verifies the log in the background process."""

from service.config import Settings
from service.db.engine import Database
from service.decisions.verifications import Verifications
from service.decisions.verify_office import VERIFICATIONS
from service.desk import Desk
from service.errands import Errands


def build_verifications(settings: Settings, facts: Database, log: Database) -> Errands:
    """What does the verifications of this replica, with its file of checkpoints."""
    return Errands(Desk(facts, settings.replica_id, VERIFICATIONS), Verifications(log, settings.checkpoints_path))
