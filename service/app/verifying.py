"""Builds what verifies the log in the background process."""

from service.config import Settings
from service.db.engine import Database
from service.decisions.verify_errands import VerifyErrands
from service.decisions.verify_office import VERIFICATIONS
from service.desk import Desk


def build_verifications(settings: Settings, facts: Database, log: Database) -> VerifyErrands:
    """What does the verifications of this replica, with its file of checkpoints."""
    return VerifyErrands(Desk(facts, settings.replica_id, VERIFICATIONS), log, settings.checkpoints_path)
