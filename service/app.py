"""Builds what each process runs; the only module that knows every concrete class."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from service.authn.authenticator import TokenAuthenticator
from service.authn.dev import dev_issuers
from service.config import IssuerSettings, Settings
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.doors.grpc.authorization import AuthorizationServicer, Fetch
from service.doors.grpc.server import AUTHORIZATION, GrpcDoor
from service.entities.fresh_facts import FreshFacts
from service.entities.store import EntityStore
from service.entities.worker_facts import worker_facts
from service.errors import ConfigError
from service.feed.feed import Feed
from service.governance.governance import Governance
from service.model import ActivePolicies, Batch, Consistency, Known
from service.pdp import DecisionPoint
from service.policies.folder import activate


class FixedPolicies:
    """Holds the bundle that a worker was started with."""

    def __init__(self, policies: ActivePolicies) -> None:
        self._policies = policies

    def active(self) -> ActivePolicies:
        """The bundle."""
        return self._policies


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


async def serve_worker(
    settings: Settings, policy_texts: Mapping[str, str], *, ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Answers on `settings.grpc` until `stop` is set, then drains; `ready` gets the port once it answers."""
    policies = activate(policy_texts)
    database = open_database(settings.database_url)
    spool = Spool(settings.spool_folder, settings.spool)
    issuers = trusted_issuers(settings, policies)
    pdp = DecisionPoint(
        authenticator=TokenAuthenticator(issuers, settings.limits),
        governance=Governance([issuer.issuer for issuer in issuers] if settings.dev else ()),
        policies=FixedPolicies(policies),
        facts=EntityStore(database),
        recorder=spool,
        clock=wall_clock,
    )
    feed = Feed(settings.max_staleness)
    try:
        async with worker_facts(settings, database, feed) as fresh:
            servicer = AuthorizationServicer(pdp, fetching(pdp, fresh), settings.limits)
            door = GrpcDoor([(AUTHORIZATION, servicer)], settings.limits)
            ready(await door.open(settings.grpc))
            telling = asyncio.create_task(tell_health(door, feed))
            await stop.wait()
            telling.cancel()
            await door.close(settings.drain_seconds)
    finally:
        spool.close()
        database.close()


def run_background(settings: Settings, stop: threading.Event) -> None:
    """Ships the record until `stop` is set, then ships what is left."""
    database = open_database(settings.log_database_url)
    try:
        Shipper(settings.spool_folder, database).run(stop)
    finally:
        database.close()


def fetching(pdp: DecisionPoint, facts: FreshFacts) -> Fetch:
    """What the decision point needs to know, from facts as fresh as asked."""

    def fetch(batch: Batch, consistency: Consistency, timeout_ms: int | None) -> Awaitable[Known]:
        schema = batch.policies.bundle.program.schema
        return facts.read(schema, partial(pdp.know, batch), consistency=consistency, timeout_ms=timeout_ms)

    return fetch


async def tell_health(door: GrpcDoor, feed: Feed) -> None:
    """Has the door say whether this worker answers: not while its facts are too old."""
    is_serving = True
    while True:
        if feed.is_fresh() != is_serving:
            is_serving = not is_serving
            await door.say(is_serving=is_serving)
        await asyncio.sleep(HEALTH_SECONDS)


HEALTH_SECONDS = 0.25
