"""Records what is done to this service by whoever runs it, as nothing else is done unrecorded."""

from service.config import Settings
from service.decisions.patient import Patient
from service.decisions.spool import Spool
from service.model import DecisionRecord


def record(settings: Settings, *acts: DecisionRecord) -> None:
    """Records acts before they are committed; AuditUnavailable where that cannot be, and then they are not done."""
    spool = Spool(settings.spool_folder, settings.spool)
    try:
        Patient(spool).record(acts)
    finally:
        spool.close()
