"""Builds what each process runs; the only module that knows every concrete class."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from service.authn.authenticator import TokenAuthenticator
from service.authn.dev import dev_issuers
from service.config import IssuerSettings, Settings
from service.db.opening import READ_CONNECTIONS, open_database
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.doors.grpc.authorization import AuthorizationServicer, Fetch
from service.doors.grpc.server import GrpcDoor
from service.entities.store import EntityStore
from service.errors import ConfigError, FactsUnavailable
from service.model import ActivePolicies, Batch, Known
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
    pdp = DecisionPoint(
        authenticator=TokenAuthenticator(trusted_issuers(settings, policies), settings.limits),
        policies=FixedPolicies(policies),
        facts=EntityStore(database),
        recorder=spool,
        clock=wall_clock,
    )
    fetch = inline(pdp) if database.is_embedded else pooled(pdp, READ_CONNECTIONS)
    door = GrpcDoor(AuthorizationServicer(pdp, fetch, settings.limits), settings.limits)
    try:
        ready(await door.open(settings.grpc))
        await stop.wait()
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


def inline(pdp: DecisionPoint) -> Fetch:
    """Reads on the loop's own thread: right where a read is a function call, as in SQLite (runtime.md, Reads)."""

    async def fetch(batch: Batch, timeout_ms: int | None) -> Known:
        return pdp.fetch(batch, timeout_ms)

    return fetch


def pooled(pdp: DecisionPoint, size: int) -> Fetch:
    """Reads in at most `size` threads; past twice that under way, FactsUnavailable at once instead of a queue."""
    threads = ThreadPoolExecutor(size, thread_name_prefix="facts")
    under_way = 0

    async def fetch(batch: Batch, timeout_ms: int | None) -> Known:
        nonlocal under_way
        if under_way >= 2 * size:
            raise FactsUnavailable("every connection to the facts is busy")
        under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, pdp.fetch, batch, timeout_ms)
        finally:
            under_way -= 1

    return fetch
