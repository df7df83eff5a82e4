"""Builds what stands behind every service of a worker: facts, policies, credentials, the record, who may call."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.app.credentials import Credentials, credentials
from service.app.dropping import dropping
from service.app.life import WorkerLife, wall_clock
from service.app.sources import Sources, mapped_sources
from service.app.strangers import build_failures
from service.app.traces import open_traces
from service.app.trusting import trusted_issuers
from service.authn.key_holder import KeyHolder
from service.config import Settings
from service.db.engine import Database
from service.db.feed import ACTIVATION
from service.db.opening import open_database
from service.decisions.counting import CountingRecorder
from service.decisions.patient import Patient
from service.decisions.spool import Spool
from service.doors.grpc.caller import Callers
from service.enforcement import LogOnly
from service.entities.cache import FactCache
from service.entities.pool import ReadPool
from service.entities.worker_facts import guarded_store, read_pool
from service.feed.feed import Feed
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.pdp import DecisionPoint
from service.policies.activations import Activations
from service.policies.holder import PolicyHolder
from service.policies.stored import StoredPolicies
from service.ports import Policies
from service.reception.failures import Failures
from service.reception.peers import Peers
from service.reception.rates import build_rates
from service.reception.reception import Meter, Reception
from service.recording.contents import Contents
from service.samples import Samples

if TYPE_CHECKING:
    from service.app.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Given:
    """What a worker is given by its process, which the supervisor talks to."""

    holder: PolicyHolder
    contents: Contents
    samples: Samples
    life: WorkerLife
    meter: Meter
    keys: KeyHolder


@dataclass(frozen=True, slots=True)
class Core:
    """What stands behind every service of one worker."""

    settings: Settings
    given: Given
    database: Database
    pool: ReadPool | None
    feed: Feed
    candidate_facts: FactCache
    policies: Policies
    sources: Sources
    credentials: Credentials
    governance: Governance
    spool: Spool
    pdp: DecisionPoint
    gate: Gate
    failures: Failures
    reception: Reception
    callers: Callers
    traces: "Tracing | None"


async def build_core(settings: Settings, given: Given, opened: AsyncExitStack) -> Core:
    """The core, whose parts `opened` closes; ConfigError where a setting cannot be used."""
    database = open_database(settings.database_url, settings.pool)
    opened.callback(database.close)
    spool = Spool(settings.spool_folder, settings.spool)
    opened.callback(spool.close)
    feed = Feed(settings.max_staleness)
    issuers = trusted_issuers(settings, given.holder.find())
    known = await opened.enter_async_context(
        credentials(settings, issuers, database=database, feed=feed, keys=given.keys, clock=wall_clock)
    )
    sources = await opened.enter_async_context(mapped_sources(settings))
    pool = read_pool(settings, database)
    store = sources.behind(guarded_store(database, pool))
    aside = sources.behind(guarded_store(database.aside(), pool))
    policies = _policies(settings, given.holder, database, feed)
    governance = Governance([issuer.issuer for issuer in issuers] if settings.dev else ())
    recorder = CountingRecorder(dropping(spool, settings, given.samples), given.samples)
    failures = build_failures(settings)
    traces = open_traces(settings, opened)
    reception = Reception(
        known.authenticator,
        certified=known.certified,
        meter=given.meter,
        failures=failures,
        recorder=recorder,
        clock=wall_clock,
        rates=build_rates(settings.rates),
        traces=traces,
    )
    return Core(
        settings=settings,
        given=given,
        database=database,
        pool=pool,
        feed=feed,
        candidate_facts=FactCache(feed, settings.shadow.cache_entries),
        policies=policies,
        sources=sources,
        credentials=known,
        governance=governance,
        spool=spool,
        pdp=DecisionPoint(
            authenticator=known.authenticator,
            governance=governance,
            policies=policies,
            facts=store,
            recorder=recorder,
            clock=wall_clock,
            contents=given.contents,
            log_only=LogOnly.of(settings.enforcement),
        ),
        gate=Gate(governance=governance, policies=policies, facts=aside, recorder=Patient(recorder), clock=wall_clock),
        failures=failures,
        reception=reception,
        callers=Callers(
            reception,
            Peers(settings.trusted_proxies),
            has_certificates=known.tls is not None,
            most_seconds=settings.limits.wait_seconds,
        ),
        traces=traces,
    )


def _policies(settings: Settings, holder: PolicyHolder, database: Database, feed: Feed) -> Policies:
    """The policies in force: what the supervisor hands over, in the store mode in step with the change feed."""
    if settings.policies_source == "folder":
        return holder
    activations = Activations(database)
    stored = StoredPolicies(holder, lambda: activations.standing().active)
    feed.subscribe(ACTIVATION, stored.changed)
    return stored
