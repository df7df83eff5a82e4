"""Records of a given age, in chains of several replicas, and the settings that they expire by."""

from dataclasses import replace
from pathlib import Path
from threading import Event
from uuid import UUID

from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.decisions.retention.expiring import Expired, Expiry
from service.decisions.retention.notes import WrittenNote
from service.model import DecisionRecord
from service.retention_settings import RetentionSettings
from tests.service.decisions.chains import KEY, keep
from tests.service.decisions.records import sample

BY = "magistrate.Service:retention"
NOW = 1_767_607_200_000
"""2026-01-05T10:00:00Z."""
DAY = 86_400_000


def aged(days: float, effect: Effect = Effect.DENY, *, tenant: str = "t1", principal: str = "alice") -> DecisionRecord:
    """A record of that age."""
    made = NOW - round(days * DAY)
    return replace(
        sample(),
        id=str(UUID(int=made << 80 | uuid7().int & (1 << 80) - 1)),
        time=made,
        effect=effect,
        tenant=Ref("Tenant", tenant),
        principal=Ref("User", principal),
    )


def fill(database: Database, folder: Path, replica: str, records: list[DecisionRecord]) -> list[str]:
    """Has them in the chain of a replica; their ids."""
    keep(database, folder, replica, records)
    return [record.id for record in records]


def settings(**said: object) -> RetentionSettings:
    """Settings as a configuration says them."""
    return RetentionSettings.model_validate(said)


def expiry(database: Database, said: RetentionSettings, notes: list[WrittenNote] | None = None) -> Expiry:
    """What keeps the database to the settings; it tells the notes to the list."""
    return Expiry(database, said, KEY, BY, ([] if notes is None else notes).append)


def expire(database: Database, said: RetentionSettings) -> Expired:
    """One pass at NOW."""
    return expiry(database, said).expire(Event(), NOW)
