"""The worker: loads policies as it is told, answers by them at the gRPC door, and at the end finishes what it began."""

import asyncio
import gc
import signal
from concurrent.futures import ThreadPoolExecutor

import uvloop

from service.app.core import Given
from service.app.life import WorkerLife
from service.app.recording import build_contents
from service.app.worker import serve_worker
from service.authn.key_holder import KeyHolder
from service.db.opening import LOOP_THREADS
from service.errors import MagistrateError
from service.policies.holder import PolicyHolder
from service.reception import leases
from service.reception.leases import Lease, Leases
from service.runtime.leash import Leash
from service.runtime.messages import (
    Activate,
    Candidate,
    Failed,
    GivenBack,
    GivenUp,
    IssuerKeys,
    KeysMissed,
    KeysWanted,
    Leased,
    Leave,
    Message,
    Prepare,
    Prepared,
    Ready,
    Refused,
    Sampled,
    Vacant,
    Wanted,
)
from service.samples import Samples
from service.telemetry import configure_log, get_log
from service.vitals import allow_open_files, gauge_process

_log = get_log("worker")

SAMPLE_SECONDS = 1.0
"""How often it says what it has counted."""
COLLECT_EVERY = (10_000, 10, 1_000)
"""Thresholds of the collector of cycles: what a worker keeps are facts, and among them there are none.

With Python's own (700, 10, 10) it looked through the cache in the midst of batches: a tenth of their CPU.
"""


def main() -> int:
    """Runs the worker; its exit code."""
    configure_log()
    leash = Leash.take()
    gc.set_threshold(*COLLECT_EVERY)
    allow_open_files()
    try:
        uvloop.run(Worker(leash).run())
    except MagistrateError as error:
        leash.report(Refused(str(error)))
        return 1
    return 0


class Worker:
    """One worker's life: it obeys the supervisor while it answers."""

    def __init__(self, leash: Leash) -> None:
        self._leash = leash
        settings = leash.settings
        contents = build_contents(settings.record)
        self._policies = PolicyHolder(contents.check, lambda digest, why: leash.report(GivenUp(digest, why)))
        self._samples = Samples()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._life = WorkerLife(ready=lambda port: leash.report(Ready(port)))
        self._leases = Leases(_Supervisor(leash))
        self._keys = KeyHolder(
            settings.issuers,
            lambda issuer: leash.report(KeysWanted(issuer)),
            refetch_seconds=settings.key_refetch_seconds,
        )
        self._given = Given(
            self._policies, contents, samples=self._samples, life=self._life, meter=self._leases, keys=self._keys
        )
        self._may_open = asyncio.Event()
        self._candidates: asyncio.Queue[Candidate] = asyncio.Queue()

    async def run(self) -> None:
        """Takes up what the supervisor tells, and answers calls until SIGTERM; MagistrateError where it cannot."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(LOOP_THREADS, thread_name_prefix="loop"))
        loop.add_signal_handler(signal.SIGTERM, self._life.stop.set)

        def hear(message: Message) -> None:
            # What calls may wait for comes not in turn with the rest: policies may be loading.
            match message:
                case Leased(number, amount, retry_ms):
                    loop.call_soon_threadsafe(self._leases.answered, number, Lease(amount, retry_ms))
                case IssuerKeys(issuer, at, content):
                    loop.call_soon_threadsafe(self._keys.take, issuer, content, at)
                case KeysMissed(issuer):
                    loop.call_soon_threadsafe(self._keys.miss, issuer)
                case Candidate():
                    loop.call_soon_threadsafe(self._candidates.put_nowait, message)
                case _:
                    loop.call_soon_threadsafe(self._told.put_nowait, message)

        self._leash.listen(hear)
        refusal: MagistrateError | None = None
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._obey()), tasks.create_task(self._sample())]
            beside += [tasks.create_task(self._leases.run()), tasks.create_task(self._try_out())]
            try:
                if await self._told_to_open():
                    await serve_worker(self._leash.settings, self._given)
            except MagistrateError as error:
                refusal = error  # to be raised behind the group, which would wrap it, and nobody know it any more
            finally:
                for each in beside:
                    each.cancel()
        self._leash.report(Sampled(self._samples))
        if refusal is not None:
            raise refusal

    async def _told_to_open(self) -> bool:
        """Whether it has policies, or is told that there are none yet, before it is told to stop."""
        waits = [asyncio.create_task(event.wait()) for event in (self._may_open, self._life.stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        return self._may_open.is_set() and not self._life.stop.is_set()

    async def _obey(self) -> None:
        while True:
            match await self._told.get():
                case Prepare(digest, image):
                    await self._prepare(digest, image)
                case Activate(digest):
                    self._policies.activate(digest)
                    self._may_open.set()
                case Vacant():
                    self._may_open.set()
                case Leave():
                    self._life.leave.set()

    async def _prepare(self, digest: str, image: bytes) -> None:
        try:
            await self._policies.prepare(digest, image)
        except MagistrateError as error:
            self._leash.report(Failed(digest, str(error)))
        else:
            self._leash.report(Prepared(digest))

    async def _try_out(self) -> None:
        """Takes up candidates, when it has policies to answer by."""
        while True:
            candidate = await self._candidates.get()
            await self._may_open.wait()
            self._policies.let_go()
            if not candidate.digest:
                continue
            try:
                await self._policies.try_out(candidate.digest, candidate.body)
            except MagistrateError as error:
                self._samples.count("magistrate_shadow_faults", reason="refused")
                self._leash.report(GivenUp(candidate.digest, str(error)))
                _log.error("no candidate is tried out", why=str(error))

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            gauge_process(self._samples)
            self._samples.gauges["magistrate_shadow_active"] = float(self._policies.candidate is not None)
            self._leash.report(Sampled(self._samples))


class _Supervisor:
    """The keeper of the rates, at the other end of the pipes (`leases.Keeper`)."""

    def __init__(self, leash: Leash) -> None:
        self._leash = leash

    def ask(self, wanted: leases.Wanted) -> None:
        """Asks for a lease."""
        number, name, rate, amount = wanted
        self._leash.report(Wanted(number, name, rate.per_minute, rate.burst, amount))

    def give_back(self, name: str, amount: int) -> None:
        """Gives back what was not used."""
        self._leash.report(GivenBack(name, amount))
