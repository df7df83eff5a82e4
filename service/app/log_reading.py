"""Builds what answers DecisionLogService in a worker, over connections of its own to the log's database."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from service.config import Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.office import LogOffice
from service.decisions.replay_forms import REPLAYS
from service.decisions.replay_office import ReplayOffice
from service.decisions.verify_office import VERIFICATIONS, VerifyOffice
from service.desk import Desk
from service.doors.grpc.caller import Callers
from service.doors.grpc.decision_log import LONGEST_SECONDS, DecisionLogServicer
from service.errors import FactsUnavailable, NotFound
from service.policies.store import BundleStore
from service.pool_settings import PoolSettings
from service.ports import Gate, Policies


@asynccontextmanager
async def log_reading(
    settings: Settings,
    callers: Callers,
    *,
    gate: Gate,
    policies: Policies,
    facts: Database,
    ended: Callable[[], Awaitable[object]],
) -> AsyncIterator[DecisionLogServicer]:
    """The servicer, while the block runs. Nothing connects before it is asked: without its log a worker answers."""
    reading = settings.log_reading
    pool = PoolSettings(connections=reading.connections, statement_ms=int(LONGEST_SECONDS * 1000))
    database = open_database(settings.log_database_url, pool)
    log = DecisionLog(database, scan_limit=reading.scan_records)
    office = LogOffice(gate=gate, log=log, policies=policies, former=pushed_texts(settings, facts))
    replays = ReplayOffice(gate=gate, desk=Desk(facts, settings.replica_id, REPLAYS), find=office.texts)
    verifications = VerifyOffice(gate, Desk(facts, settings.replica_id, VERIFICATIONS))
    try:
        yield DecisionLogServicer(callers, office, replays, verifications=verifications, settings=reading, ended=ended)
    finally:
        database.close()


def pushed_texts(settings: Settings, facts: Database) -> Callable[[str], Mapping[str, str] | None]:
    """Finds the texts of policies that were pushed, by their digest; none where policies come from a folder."""
    store = BundleStore(facts) if settings.policies_source == "store" else None

    def find(digest: str) -> Mapping[str, str] | None:
        if store is None:
            return None
        try:
            _, texts = store.fetch(digest)
        except (NotFound, FactsUnavailable):
            return None
        return texts

    return find
