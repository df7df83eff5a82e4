"""Runs what a worker is: builds it, opens its doors, works beside them, drains them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from service.app.core import Core, Given, build_core
from service.app.gauging import (
    gauge_calls,
    gauge_credentials,
    gauge_facts,
    gauge_loop,
    gauge_policies,
    gauge_record,
    gauge_traces,
    tell_health,
)
from service.app.life import wall_clock
from service.app.serving import build_asking, services
from service.app.shadowing import shadowing
from service.app.strangers import sum_up
from service.app.tls import DoorTls
from service.asking import Asking
from service.config import Settings
from service.doors.grpc.server import GrpcDoor
from service.doors.sockets import put_in_place
from service.entities.fresh_facts import FreshFacts
from service.entities.worker_facts import worker_facts
from service.errors import NoPolicies
from service.ports import Policies

if TYPE_CHECKING:
    from service.doors.http.server import HttpDoor


async def serve_worker(settings: Settings, given: Given) -> None:
    """Answers at the doors until `given.life` is told to stop, then drains; ConfigError where it cannot begin."""
    async with AsyncExitStack() as opened:
        core = await build_core(settings, given, opened)
        fresh = await opened.enter_async_context(worker_facts(settings, core.database, core.feed, core.pool))
        await opened.enter_async_context(core.credentials.revocations.followed())
        asking = build_asking(core, fresh, await opened.enter_async_context(shadowing(core)))
        served = await opened.enter_async_context(services(core, asking))
        door = GrpcDoor(
            served, settings.limits, verify=core.callers.verified, max_connection_age=settings.max_connection_age
        )
        tls = DoorTls.of(settings)
        await core.credentials.first_keys()
        http = await _open_http(core, asking, tls)
        with put_in_place(settings.grpc, settings.sockets) as address:
            port = await door.open(address, tls.for_grpc(), secured=core.credentials.secured)
        given.life.ready(port)
        async with _beside(*_work(core, door, fresh), *tls.work(given.samples)):
            await given.life.stop.wait()
        await asyncio.gather(*(each.close(settings.drain_seconds) for each in (door, http) if each is not None))


async def _open_http(core: Core, asking: Asking, tls: DoorTls) -> "HttpDoor | None":
    """The HTTP door where there is to be one; what it is made of is loaded then alone."""
    if not core.settings.http:
        return None
    from service.app.http_serving import open_http

    return await open_http(core, asking, tls.for_http())


def _work(core: Core, door: GrpcDoor, fresh: FreshFacts) -> tuple[Coroutine[None, None, None], ...]:
    """What is done beside answering."""
    samples, life = core.given.samples, core.given.life
    has_any = _has_policies(core.policies)
    return (
        tell_health(door, core.feed, life, has_any),
        gauge_policies(samples, has_any),
        gauge_record(samples, core.spool, core.feed),
        gauge_credentials(samples, core.credentials),
        gauge_calls(samples, core.reception),
        gauge_facts(samples, fresh),
        gauge_loop(samples),
        core.sources.gauge(samples, core.pool),
        *(() if core.traces is None else (gauge_traces(samples, core.traces),)),
        sum_up(core.settings, core.failures, wall_clock),
        *core.credentials.work(samples, wall_clock),
    )


def _has_policies(policies: Policies) -> Callable[[], bool]:
    """Says whether there are policies to answer by."""

    def has_any() -> bool:
        with suppress(NoPolicies):
            return bool(policies.active())
        return False

    return has_any


@asynccontextmanager
async def _beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Does the work while the block runs; what it raises ends the block."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(each) for each in work]
        try:
            yield
        finally:
            for each in started:
                each.cancel()
