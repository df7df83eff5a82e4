"""Builds what each process runs; the only module that knows every concrete class."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from service.authn.authenticator import TokenAuthenticator
from service.authn.dev import dev_issuers
from service.authn.key_watch import follow_keys, key_files
from service.config import IssuerSettings, Limits, Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.decisions.counting import CountingRecorder
from service.decisions.shared import SharedRecorder
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.doors.grpc.authorization import AuthorizationServicer, Fetch
from service.doors.grpc.credential import CredentialServicer
from service.doors.grpc.entities import EntityServicer
from service.doors.grpc.server import AUTHORIZATION, CREDENTIAL, ENTITY, GrpcDoor
from service.entities.fresh_facts import FreshFacts
from service.entities.governed import GovernedEntities
from service.entities.readable import ReadableEntities
from service.entities.store import EntityStore
from service.entities.worker_facts import worker_facts
from service.errors import ConfigError
from service.feed.feed import Feed
from service.feed.pruning import prune_until
from service.governance.gate import Gate
from service.governance.given_roles import GivenRoles
from service.governance.governance import Governance
from service.model import ActivePolicies, Batch, Consistency, Known
from service.pdp import DecisionPoint
from service.policies.holder import PolicyHolder
from service.ports import Policies
from service.revocations.known import KnownRevocations
from service.revocations.pruning import prune_revocations_until
from service.revocations.revoking import Revoking, Trusted
from service.revocations.store import RevocationStore
from service.samples import Samples


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """How a worker's life goes: `ready` gets the port once it answers, `leave` and `stop` tell it to come to an end."""

    ready: Callable[[int], None]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


def wall_clock() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def trusted_issuers(settings: Settings, policies: ActivePolicies) -> list[IssuerSettings]:
    """Whose tokens are trusted; ConfigError where nobody is, or where dev keys stand beside real issuers."""
    if settings.dev and settings.issuers:
        raise ConfigError("`dev` trusts a key pair of its own\nhelp: take away the issuers, or `--dev`")
    if settings.dev:
        types = policies.bundle.program.schema.types.values()
        return dev_issuers(settings.data, [declared.name for declared in types if declared.is_principal])
    if not settings.issuers:
        raise ConfigError("no issuer is trusted, so nobody could ask\nhelp: configure `issuers`, or try `--dev`")
    return settings.issuers


async def serve_worker(settings: Settings, holder: PolicyHolder, *, samples: Samples, life: WorkerLife) -> None:
    """Answers on `settings.grpc` by the policies that the holder has, until `life` is told to stop, then drains."""
    policies = holder.active()
    database = open_database(settings.database_url)
    spool = Spool(settings.spool_folder, settings.spool)
    issuers = trusted_issuers(settings, policies)
    feed = Feed(settings.max_staleness)
    store, revoked = EntityStore(database), RevocationStore(database)
    revocations = KnownRevocations(feed, revoked.all, settings.max_staleness)
    authenticator = TokenAuthenticator(issuers, settings.limits, revocations=revocations)
    governance = Governance([issuer.issuer for issuer in issuers] if settings.dev else ())
    recorder = SharedRecorder(CountingRecorder(spool, samples))
    pdp = DecisionPoint(
        authenticator=authenticator,
        governance=governance,
        policies=holder,
        facts=store,
        recorder=recorder,
        clock=wall_clock,
    )
    gate = Gate(governance=governance, policies=holder, facts=store, recorder=recorder, clock=wall_clock)
    trusted = Trusted.of(issuers, settings.limits.clock_skew_seconds)
    revoking = Revoking(revoked, gate=gate, trusted=trusted, clock=wall_clock)
    try:
        async with worker_facts(settings, database, feed) as fresh, revocations.followed():
            served = (
                (AUTHORIZATION, AuthorizationServicer(pdp, fetching(pdp, fresh), settings.limits)),
                (CREDENTIAL, CredentialServicer(pdp.verify, revoking)),
                (ENTITY, entity_servicer(pdp, database, holder, gate=gate, limits=settings.limits)),
            )
            door = GrpcDoor(served, settings.limits, max_connection_age=settings.max_connection_age)
            reload, every = authenticator.reload_keys, settings.watch_seconds
            life.ready(await door.open(settings.grpc))
            async with beside(
                tell_health(door, feed, life),
                follow_keys(key_files(issuers), reload, every=every, samples=samples),
                gauge(samples, spool, feed),
            ):
                await life.stop.wait()
            await door.close(settings.drain_seconds)
    finally:
        spool.close()
        database.close()


def entity_servicer(
    pdp: DecisionPoint, database: Database, policies: Policies, *, gate: Gate, limits: Limits
) -> EntityServicer:
    """What answers EntityService."""
    return EntityServicer(
        verify=pdp.verify,
        writes=GovernedEntities(database, policies, gate),
        reads=ReadableEntities(database, policies, gate),
        roles=GivenRoles(database, gate),
        limits=limits,
    )


def run_background(settings: Settings, stop: threading.Event) -> None:
    """Ships the record until `stop` is set, then ships what is left; and prunes what is not needed any more."""
    database, facts = open_database(settings.log_database_url), open_database(settings.database_url)
    pruning = [
        threading.Thread(target=work, args=(stop, facts), name="pruning", daemon=True)
        for work in (prune_until, prune_revocations_until)
    ]
    for each in pruning:
        each.start()
    try:
        Shipper(settings.spool_folder, database).run(stop)
    finally:
        stop.set()
        for each in pruning:
            each.join()
        facts.close()
        database.close()


def fetching(pdp: DecisionPoint, facts: FreshFacts) -> Fetch:
    """What the decision point needs to know, from facts as fresh as asked."""

    def fetch(batch: Batch, consistency: Consistency, timeout_ms: int | None) -> Awaitable[Known]:
        schema = batch.policies.bundle.program.schema
        return facts.read(schema, partial(pdp.know, batch), consistency=consistency, timeout_ms=timeout_ms)

    return fetch


async def tell_health(door: GrpcDoor, feed: Feed, life: WorkerLife) -> None:
    """Has the door say whether this worker should be asked: not while its facts are too old, nor once it leaves."""
    is_serving = True
    while True:
        if (feed.is_fresh() and not life.leave.is_set()) != is_serving:
            is_serving = not is_serving
            await door.say(is_serving=is_serving)
        with suppress(TimeoutError):
            await asyncio.wait_for(life.leave.wait() if is_serving else asyncio.sleep(HEALTH_SECONDS), HEALTH_SECONDS)


async def gauge(samples: Samples, spool: Spool, feed: Feed) -> None:
    """Keeps what this worker tells of its record and its feed true."""
    while True:
        samples.gauges["magistrate_spool_failing"] = float(spool.is_failing)
        samples.gauges["magistrate_feed_lag_seconds"] = min(feed.staleness, 86_400.0)
        samples.counters["magistrate_unrecorded", ()] = spool.unrecorded
        await asyncio.sleep(HEALTH_SECONDS)


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


HEALTH_SECONDS: Final = 0.25
"""How soon a change of health is told."""
