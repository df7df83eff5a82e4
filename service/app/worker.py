"""Builds what a worker runs: the credentials, the facts, the policies and the record behind its door."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from policy_lang.schema import Schema
from service.app.dropping import dropping
from service.app.entity_serving import KeptFacts, entity_servicer, standing_of
from service.app.introspecting import introspecting
from service.app.log_reading import log_reading
from service.app.own_credentials import OwnCredentials, revoke_own
from service.app.sources import mapped_sources
from service.app.strangers import build_failures, sum_up
from service.authn.authenticator import TokenAuthenticator
from service.authn.clock_watch import watch_clock
from service.authn.dev import dev_issuers
from service.authn.key_files import key_files
from service.authn.key_holder import KeyHolder
from service.authn.key_watch import follow_keys
from service.config import Limits, Settings
from service.db.engine import Database
from service.db.feed import ACTIVATION
from service.db.opening import open_database
from service.decisions.counting import CountingRecorder
from service.decisions.patient import Patient
from service.decisions.spool import Spool
from service.doors.grpc.authorization import AuthorizationServicer
from service.doors.grpc.caller import Callers
from service.doors.grpc.credential import CredentialActs, CredentialServicer
from service.doors.grpc.mutual_tls import MutualTls
from service.doors.grpc.policy import PolicyServicer, Reached
from service.doors.grpc.server import AUTHORIZATION, CREDENTIAL, DECISION_LOG, ENTITY, POLICY, GrpcDoor, Secured, Served
from service.entities.fresh_facts import FreshFacts
from service.entities.mapped.mixed_facts import MixedFacts
from service.entities.store import EntityStore
from service.entities.worker_facts import worker_facts
from service.errors import ConfigError, NoPolicies
from service.feed.feed import Feed
from service.feed.revision import Revision
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.issuer_settings import IssuerSettings
from service.model import ActivePolicies, Batch, Consistency, Known
from service.pdp import DecisionPoint
from service.policies.activations import Activations
from service.policies.holder import PolicyHolder
from service.policies.stored import StoredPolicies
from service.policies.wiring import build_office
from service.ports import Policies
from service.reception.failures import Failures
from service.reception.peers import Peers
from service.reception.reception import Meter, Reception, not_accepted
from service.recording.contents import Contents
from service.revocations.known import KnownRevocations
from service.revocations.revoking import Revoking, Trusted
from service.revocations.store import RevocationStore
from service.samples import Samples
from service.telemetry import lines_lost


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """How a worker's life goes: `ready` gets the port once it answers, `leave` and `stop` tell it to come to an end."""

    ready: Callable[[int], None]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


def wall_clock() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def trusted_issuers(settings: Settings, policies: ActivePolicies | None) -> list[IssuerSettings]:
    """Whose tokens are trusted; ConfigError where nobody is, or where dev keys stand beside real issuers.

    Dev tokens name principals of the types that the policies declare, of which a store has none at first.
    """
    if settings.dev and settings.issuers:
        raise ConfigError("`dev` trusts a key pair of its own\nhelp: take away the issuers, or `--dev`")
    if settings.dev:
        schema = policies.bundle.program.schema if policies is not None else NO_SCHEMA
        named = {declared.name for declared in schema.types.values() if declared.is_principal}
        if settings.policies_source == "store":
            named.add(SERVICE_TYPE)
        return dev_issuers(settings.data, sorted(named), {role.name: role.on for role in schema.roles.values()})
    if not settings.issuers:
        raise ConfigError("no issuer is trusted, so nobody could ask\nhelp: configure `issuers`, or try `--dev`")
    return settings.issuers


async def serve_worker(
    settings: Settings,
    holder: PolicyHolder,
    *,
    contents: Contents,
    samples: Samples,
    life: WorkerLife,
    meter: Meter,
    keys: KeyHolder,
) -> None:
    """Answers on `settings.grpc` by the policies that the holder has, until `life` is told to stop, then drains."""
    database = open_database(settings.database_url, settings.pool)
    spool = Spool(settings.spool_folder, settings.spool)
    issuers = trusted_issuers(settings, holder.find())
    feed = Feed(settings.max_staleness)
    policies = policies_of(settings, holder, database, feed)
    revoked = RevocationStore(database, also=revoke_own)
    revocations = KnownRevocations(feed, revoked.all, settings.max_staleness)
    own = OwnCredentials.build(settings, database, feed, wall_clock)
    certificates = settings.mutual_tls
    tls = MutualTls(certificates, revocations) if certificates is not None else None
    opened = AsyncExitStack()
    sources = await opened.enter_async_context(mapped_sources(settings))
    store = sources.behind(EntityStore(database))
    authenticator = TokenAuthenticator(
        issuers,
        settings.limits,
        revocations=revocations,
        others={**own.verifiers, **await opened.enter_async_context(introspecting(issuers, settings.limits))},
        fetched=keys,
    )
    governance = Governance([issuer.issuer for issuer in issuers] if settings.dev else ())
    recorder = CountingRecorder(dropping(spool, settings, samples), samples)
    pdp = DecisionPoint(
        authenticator=authenticator,
        governance=governance,
        policies=policies,
        facts=store,
        recorder=recorder,
        clock=wall_clock,
        contents=contents,
    )
    failures = build_failures(settings)
    reception = Reception(
        authenticator,
        certified=tls.verifier.caller if tls is not None else not_accepted,
        meter=meter,
        failures=failures,
        recorder=recorder,
        clock=wall_clock,
    )
    callers = Callers(reception, Peers(settings.trusted_proxies), has_certificates=tls is not None)
    gate = Gate(governance=governance, policies=policies, facts=store, recorder=Patient(recorder), clock=wall_clock)
    revoking = Revoking(
        revoked,
        gate=gate,
        trusted=Trusted.of(issuers, settings.limits.clock_skew_seconds, certificates),
        names=own.name,
        clock=wall_clock,
    )
    acts = CredentialActs(revoking, *own.acts(gate, wall_clock))

    def trust(active: ActivePolicies) -> None:
        known = trusted_issuers(settings, active)
        authenticator.trust(known)
        governance.trust_dev([issuer.issuer for issuer in known])
        revoking.trust(Trusted.of(known, settings.limits.clock_skew_seconds, certificates))

    if settings.dev:
        holder.follow(trust)
    try:
        async with worker_facts(settings, database, feed) as fresh, revocations.followed():
            served: tuple[Served, ...] = (
                (
                    AUTHORIZATION,
                    authorization_servicer(
                        callers, pdp, facts=sources.beside(fresh), limits=settings.limits, life=life
                    ),
                ),
                (CREDENTIAL, CredentialServicer(callers, acts)),
                (
                    DECISION_LOG,
                    await opened.enter_async_context(
                        log_reading(
                            settings, callers, gate=gate, policies=policies, facts=database, ended=life.stop.wait
                        )
                    ),
                ),
                (
                    ENTITY,
                    entity_servicer(
                        settings,
                        callers,
                        gate,
                        facts=KeptFacts(database, policies, sources.elsewhere, standing_of(settings, holder)),
                        feed=feed,
                        clock=wall_clock,
                        ended=life.stop.wait,
                    ),
                ),
            )
            if settings.policies_source == "store":
                office = build_office(settings, database, gate=gate, clock=wall_clock)
                served = (*served, (POLICY, PolicyServicer(callers, office, reaching(feed))))
            door = GrpcDoor(served, settings.limits, max_connection_age=settings.max_connection_age)
            reload, every = authenticator.reload_keys, settings.watch_seconds
            await keys.first(FIRST_KEYS_SECONDS)
            secured = Secured(settings.grpc_mtls, tls.credentials()) if tls is not None else None
            life.ready(await door.open(settings.grpc, secured))
            async with beside(
                tell_health(door, feed, life, has_policies(policies)),
                follow_keys(key_files(issuers), reload, every=every, samples=samples),
                gauge(samples, spool, feed, own),
                gauge_credentials(samples, authenticator, keys, tls),
                gauge_calls(samples, reception, failures),
                *own.work(),
                sources.gauge(samples, fresh.pool),
                *follow_tls(tls, every, samples),
                sum_up(settings, failures, wall_clock),
                watch_clock(wall_clock, authenticator.forget),
            ):
                await life.stop.wait()
            await door.close(settings.drain_seconds)
    finally:
        await opened.aclose()
        spool.close()
        database.close()


def authorization_servicer(
    callers: Callers, pdp: DecisionPoint, *, facts: FreshFacts | MixedFacts, limits: Limits, life: WorkerLife
) -> AuthorizationServicer:
    """What answers AuthorizationService, from facts as fresh as asked."""

    def fetch(batch: Batch, consistency: Consistency, timeout_ms: int | None) -> Awaitable[Known]:
        schema = batch.policies.bundle.program.schema
        return facts.read(schema, partial(pdp.know, batch), consistency=consistency, timeout_ms=timeout_ms)

    def reach(consistency: Consistency, timeout_ms: int | None) -> Awaitable[Consistency]:
        # Of no schema: the policies may be what is waited for.
        return facts.reach(NO_SCHEMA, consistency, timeout_ms=timeout_ms)

    return AuthorizationServicer(callers, pdp, fetch=fetch, reach=reach, limits=limits, ended=life.stop.wait)


def policies_of(settings: Settings, holder: PolicyHolder, database: Database, feed: Feed) -> Policies:
    """The policies in force: what the supervisor hands over, in the store mode in step with the change feed."""
    if settings.policies_source == "folder":
        return holder
    activations = Activations(database)
    stored = StoredPolicies(holder, lambda: activations.standing().active)
    feed.subscribe(ACTIVATION, stored.changed)
    return stored


def has_policies(policies: Policies) -> Callable[[], bool]:
    """Says whether there are policies to answer by."""

    def has_any() -> bool:
        with suppress(NoPolicies):
            return bool(policies.active())
        return False

    return has_any


def reaching(feed: Feed) -> Reached:
    """Waits until this worker has applied a revision."""

    async def reached(revision: str, within: float) -> None:
        await feed.reached(Revision.parse(revision), within)

    return reached


async def tell_health(door: GrpcDoor, feed: Feed, life: WorkerLife, has_any: Callable[[], bool]) -> None:
    """Has the door say whether this worker should be asked.

    Not while its facts are too old or it has no policies, nor once it leaves.
    """
    is_serving = True
    while True:
        if (feed.is_fresh() and has_any() and not life.leave.is_set()) != is_serving:
            is_serving = not is_serving
            await door.say(is_serving=is_serving)
        # Not wait_for: on 3.11 it loses a cancellation that comes as it ends, and the drain would wait for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(HEALTH_SECONDS):
                await (life.leave.wait() if is_serving else asyncio.sleep(HEALTH_SECONDS))


async def gauge(samples: Samples, spool: Spool, feed: Feed, own: OwnCredentials) -> None:
    """Keeps what this worker tells of its record and its feed true."""
    while True:
        spool.tend()
        samples.gauges["magistrate_spool_failing"] = float(spool.is_failing)
        samples.gauges["magistrate_feed_lag_seconds"] = min(feed.staleness, 86_400.0)
        samples.counters["magistrate_unrecorded", ()] = spool.unrecorded
        samples.counters["magistrate_log_lines_lost", ()] = lines_lost()
        own.count(samples)
        await asyncio.sleep(HEALTH_SECONDS)


async def gauge_credentials(
    samples: Samples, authenticator: TokenAuthenticator, keys: KeyHolder, tls: MutualTls | None
) -> None:
    """Keeps what this worker tells of the credentials that it remembers true."""
    while True:
        counts = dict(authenticator.cache_counts)
        if tls is not None:
            counts["certificate"] = tls.verifier.cache_counts
        for kind, counted in counts.items():
            for result, count in (("hit", counted.hits), ("miss", counted.misses)):
                samples.counters["magistrate_credential_cache", (("kind", kind), ("result", result))] = count
        samples.gauges["magistrate_credential_cache_entries"] = sum(counted.entries for counted in counts.values())
        samples.gauges["magistrate_issuer_keys_age_seconds"] = keys.oldest_seconds()
        await asyncio.sleep(HEALTH_SECONDS)


async def gauge_calls(samples: Samples, reception: Reception, failures: Failures) -> None:
    """Keeps what this worker tells of the calls that it did not let in true."""
    while True:
        samples.counters["magistrate_unauthenticated", ()] = failures.total
        samples.counters["magistrate_rate_limited", ()] = reception.rate_limited
        await asyncio.sleep(HEALTH_SECONDS)


def follow_tls(tls: MutualTls | None, every: float, samples: Samples) -> tuple[Coroutine[None, None, None], ...]:
    """Keeps the TLS of client certificates in step with its files, where there is one."""
    return (follow_keys(tls.paths, tls.reload, every=every, samples=samples),) if tls is not None else ()


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Does the work while the block runs; what it raises ends the block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(each) for each in work]
        try:
            yield
        finally:
            for each in started:
                each.cancel()


NO_SCHEMA: Final = Schema({}, {}, {}, {}, {})
SERVICE_TYPE: Final = "Service"
"""Whom a dev token may name before there are policies, which declare the types of all others."""
FIRST_KEYS_SECONDS: Final = 6.0
"""How long a start waits for keys to be fetched; after that the worker answers, and refuses tokens that lack theirs."""
HEALTH_SECONDS: Final = 0.25
"""How soon a change of health is told."""
