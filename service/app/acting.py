"""Records what is done to this service by whoever runs it, as nothing else is done unrecorded."""

from service.config import Settings
from service.decisions.patient import Patient
from service.decisions.spool import Spool
from service.model import DecisionRecord


def record(settings: Settings, act: DecisionRecord) -> None:
    """Records an act before it is committed; AuditUnavailable where it cannot be, and then it is not done."""
    spool = Spool(settings.spool_folder, settings.spool)
    try:
        Patient(spool).record([act])
    finally:
        spool.close()
