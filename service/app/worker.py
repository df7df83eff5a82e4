"""Runs what a worker is: builds it, opens its door, works beside it, drains it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from service.app.core import Core, Given, build_core
from service.app.gauging import (
    gauge_calls,
    gauge_credentials,
    gauge_facts,
    gauge_loop,
    gauge_record,
    tell_health,
)
from service.app.life import wall_clock
from service.app.serving import services
from service.app.strangers import sum_up
from service.app.tls import DoorTls
from service.config import Settings
from service.doors.grpc.server import GrpcDoor
from service.doors.sockets import put_in_place
from service.entities.fresh_facts import FreshFacts
from service.entities.worker_facts import worker_facts
from service.errors import NoPolicies
from service.ports import Policies


async def serve_worker(settings: Settings, given: Given) -> None:
    """Answers on `settings.grpc` until `given.life` is told to stop, then drains; ConfigError where it cannot begin."""
    async with AsyncExitStack() as opened:
        core = await build_core(settings, given, opened)
        fresh = await opened.enter_async_context(worker_facts(settings, core.database, core.feed, core.pool))
        await opened.enter_async_context(core.credentials.revocations.followed())
        served = await opened.enter_async_context(services(core, fresh))
        door = GrpcDoor(served, settings.limits, max_connection_age=settings.max_connection_age)
        tls = DoorTls.of(settings)
        await core.credentials.first_keys()
        with put_in_place(settings.grpc, settings.sockets) as address:
            port = await door.open(address, tls.for_grpc(), secured=core.credentials.secured)
        given.life.ready(port)
        async with _beside(*_work(core, door, fresh), *tls.work(given.samples)):
            await given.life.stop.wait()
        await door.close(settings.drain_seconds)


def _work(core: Core, door: GrpcDoor, fresh: FreshFacts) -> tuple[Coroutine[None, None, None], ...]:
    """What is done beside answering."""
    samples, life = core.given.samples, core.given.life
    return (
        tell_health(door, core.feed, life, _has_policies(core.policies)),
        gauge_record(samples, core.spool, core.feed),
        gauge_credentials(samples, core.credentials),
        gauge_calls(samples, core.reception),
        gauge_facts(samples, fresh),
        gauge_loop(samples),
        core.sources.gauge(samples, core.pool),
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
