"""The supervisor: checks that the service may start, starts its processes, keeps them running, and drains them.

It loads no gRPC: a process that has must not start others, and this one starts them for as long as the service runs.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from policy_lang.bundle import load
from service.config import Settings
from service.db.migration import Kind, ensure_current
from service.db.opening import open_database
from service.errors import ConfigError, FactsUnavailable
from service.policies.folder import read_texts
from service.runtime.address import Address, hold_address, parse_address
from service.runtime.boot import Boot, pack
from service.runtime.child import Program
from service.runtime.keeper import Keeper
from service.runtime.locks import lock_folder
from service.telemetry import get_log

WORKER: Final = Program("worker", "service.runtime.worker")
BACKGROUND: Final = Program("background process", "service.runtime.background")
STOP_MARGIN: Final = 2.0
"""Seconds that a worker has beyond its calls in flight, to close what it holds."""
SHIP_SECONDS: Final = 15.0
"""Seconds that the background process has to ship what is left; the rest stays in the spool for the next start."""

_log = get_log("supervisor")


def supervise(settings: Settings, announce: Callable[[Address], None]) -> None:
    """Runs the service until SIGTERM or SIGINT; `announce` is called when it answers.

    Raises ConfigError, PolicyError or SchemaOutdated if it may not start.
    """
    if not settings.dev and not settings.issuers:
        raise ConfigError(
            "no issuer is trusted, so nobody could call"
            "\nhelp: list issuers in the configuration file, or use --dev to try the service"
        )
    wanted = parse_address(settings.grpc)
    texts = read_policies(settings.policies)
    with ExitStack() as held:
        held.enter_context(lock_folder(settings.data))
        address = held.enter_context(hold_address(wanted))
        prepare_databases(settings)
        boot = Boot(settings.model_copy(update={"grpc": str(address)}), texts)
        asyncio.run(_run(boot, lambda: announce(address)))


def read_policies(folder: Path) -> dict[str, str]:
    """The policy files' texts by path; ConfigError if there are none, PolicyError if they may not be loaded."""
    texts = read_texts(folder)
    load(texts)
    return texts


def prepare_databases(settings: Settings) -> None:
    """Migrates the SQLite databases; ConfigError or SchemaOutdated where one is not fit for use."""
    _prepare(settings.database_url, "facts")
    _prepare(settings.log_database_url, "log")


def _prepare(url: str, kind: Kind) -> None:
    database = open_database(url)
    try:
        ensure_current(database, kind)
    except FactsUnavailable as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"the {kind} database {database.name} cannot be made: {error.strerror}") from error
    finally:
        database.close()


async def _run(boot: Boot, announce: Callable[[], None]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    message = pack(boot)
    background, worker = Keeper(BACKGROUND, message), Keeper(WORKER, message)
    try:
        if await _unless(told, _start(background, worker)):
            announce()
            await _unless(told, _keep(background, worker))
    finally:
        await _drain(worker, background, boot.settings.drain_seconds)


async def _start(*keepers: Keeper) -> None:
    """Starts all at once; where one fails the others are given up."""
    starting = [asyncio.create_task(keeper.start()) for keeper in keepers]
    try:
        await asyncio.gather(*starting)
    finally:
        for each in starting:
            each.cancel()
        await asyncio.wait(starting)


async def _keep(*keepers: Keeper) -> None:
    await asyncio.gather(*(keeper.kept() for keeper in keepers))


async def _drain(worker: Keeper, background: Keeper, drain_seconds: float) -> None:
    """The worker first: what it still answers must be shipped too."""
    _log.info("draining")
    answered = await worker.stop(drain_seconds + STOP_MARGIN)
    shipped = await background.stop(SHIP_SECONDS)
    _log.info("stopped", answered_all=answered, shipped_all=shipped)


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
