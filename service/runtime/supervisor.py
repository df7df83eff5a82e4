"""The supervisor: checks that the service may start, starts its processes, keeps them running, and drains them.

It loads no gRPC: a process that has must not start others, and this one starts them for as long as the service runs.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from service.config import Settings
from service.errors import ConfigError
from service.runtime.address import Address, parse_address
from service.runtime.listening import Place, doors, handed_on, held
from service.runtime.locks import lock_folder
from service.runtime.messages import Boot
from service.runtime.ops import open_ops
from service.runtime.service import Service
from service.runtime.status import routes
from service.telemetry import get_log

_log = get_log("supervisor")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service answers: the doors, and the ops port."""

    ops: Address
    doors: Mapping[str, Place]
    """By their settings."""


def supervise(settings: Settings, announce: Callable[[Addresses], None]) -> None:
    """Runs the service until SIGTERM or SIGINT; `announce` is called when it answers.

    Raises ConfigError, PoliciesBroken or SchemaOutdated if it may not start.
    """
    if not settings.dev and not settings.issuers:
        raise ConfigError(
            "no issuer is trusted, so nobody could call"
            "\nhelp: list issuers in the configuration file, or use --dev to try the service"
        )
    if settings.candidate_folder is not None:
        _log.info("candidate policies are tried out", folder=str(settings.candidate_folder))
    # Until there are workers to replace: those that start are new. The default would end the service.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    wanted = doors(settings)
    with ExitStack() as holding:
        holding.enter_context(lock_folder(settings.data))
        places = {setting: holding.enter_context(held(setting, place)) for setting, place in wanted.items()}
        if settings.plaintext:
            _log.warning("credentials are taken in plain text: TLS must end before", doors=sorted(places))
        told = {setting: str(place) for setting, place in places.items()}
        if "http" in places:
            told["http"] = holding.enter_context(handed_on(places["http"], settings.sockets))
        asyncio.run(_run(settings.model_copy(update=told), places, announce))


async def _run(settings: Settings, places: Mapping[str, Place], announce: Callable[[Addresses], None]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    booting = asyncio.create_task(_boot(settings))
    service = Service(settings, booting)
    async with open_ops(parse_address(settings.ops), routes(lambda: service.status, service.metrics)) as ops:
        try:
            if await _unless(told, service.start()):
                announce(Addresses(ops, places))
                await _unless(told, _keep(service))
        finally:
            await service.drain()


async def _boot(settings: Settings) -> Boot:
    """The message that starts each process, when the databases are fit for use."""
    await asyncio.to_thread(_prepare_databases, settings)
    return Boot(settings)


def _prepare_databases(settings: Settings) -> None:
    # Alembic and SQLAlchemy load here, while the processes that were spawned before load what they need.
    from service.db.preparing import prepare_databases

    prepare_databases(settings)
    if settings.record.drop:
        from service.app.dropping import state_reductions

        state_reductions(settings)
    if settings.record.mask or not settings.retention.keeps_everything or settings.stated_file.exists():
        from service.app.stating import state_settings

        state_settings(settings)


async def _keep(service: Service) -> None:
    """Runs the service; SIGHUP puts new processes in the place of its workers."""
    restarting: set[asyncio.Task[None]] = set()

    def restart() -> None:
        task = asyncio.create_task(service.restart_workers())
        restarting.add(task)
        task.add_done_callback(restarting.discard)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, restart)
    try:
        await service.run()
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for each in restarting:
            each.cancel()


async def _unless(told: asyncio.Event, work: Coroutine[None, None, object]) -> bool:
    """Whether the work came to its end before the service was told to stop; what it raises is raised."""
    working, telling = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait((working, telling), return_when=asyncio.FIRST_COMPLETED)
    for unfinished in (working, telling):
        unfinished.cancel()
    await asyncio.wait((working, telling))
    if working.cancelled():
        return False
    working.result()
    return True
