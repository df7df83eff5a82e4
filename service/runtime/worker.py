"""The worker: loads policies as it is told, answers by them at the gRPC door, and at the end finishes what it began."""

import asyncio
import signal
import sys

import uvloop

from service.app import WorkerLife, serve_worker
from service.errors import MagistrateError
from service.policies.holder import PolicyHolder
from service.runtime.leash import Leash
from service.runtime.messages import Activate, Failed, Leave, Message, Prepare, Prepared, Ready, Refused, Sampled
from service.samples import Samples
from service.telemetry import configure_log

SAMPLE_SECONDS = 1.0
"""How often it says what it has counted."""


def main() -> int:
    """Runs the worker; its exit code."""
    configure_log()
    leash = Leash.take()
    try:
        uvloop.run(_Worker(leash).run())
    except MagistrateError as error:
        leash.report(Refused(str(error)))
        return 1
    return 0


class _Worker:
    """One worker's life: it obeys the supervisor while it answers."""

    def __init__(self, leash: Leash) -> None:
        self._leash = leash
        self._policies = PolicyHolder()
        self._samples = Samples()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._life = WorkerLife(ready=lambda port: leash.report(Ready(port)))
        self._has_policies = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._life.stop.set)

        def hear(message: Message) -> None:
            loop.call_soon_threadsafe(self._told.put_nowait, message)

        self._leash.listen(hear)
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._obey()), tasks.create_task(self._sample())]
            try:
                if await self._given_policies():
                    settings = self._leash.settings
                    await serve_worker(settings, self._policies, samples=self._samples, life=self._life)
            finally:
                for each in beside:
                    each.cancel()
        self._leash.report(Sampled(self._samples))

    async def _given_policies(self) -> bool:
        """Whether there are policies to answer by before it is told to stop."""
        waits = [asyncio.create_task(event.wait()) for event in (self._has_policies, self._life.stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        return self._has_policies.is_set() and not self._life.stop.is_set()

    async def _obey(self) -> None:
        while True:
            match await self._told.get():
                case Prepare(digest, image):
                    await self._prepare(digest, image)
                case Activate(digest):
                    self._policies.activate(digest)
                    self._has_policies.set()
                case Leave():
                    self._life.leave.set()

    async def _prepare(self, digest: str, image: bytes) -> None:
        try:
            await self._policies.prepare(digest, image)
        except MagistrateError as error:
            self._leash.report(Failed(digest, str(error)))
        else:
            self._leash.report(Prepared(digest))

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self._leash.report(Sampled(self._samples))


if __name__ == "__main__":
    sys.exit(main())
