"""The service stands as its processes say, each of which answers by the policies that it was told to, or by none."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from service.config import Settings
from service.runtime.child import Child, Program
from service.runtime.messages import (
    Activate,
    Boot,
    Broken,
    Candidate,
    Compiled,
    Failed,
    GivenUp,
    Offered,
    Prepare,
    Prepared,
    Sampled,
    receive,
)
from service.runtime.service import WORKER, Service
from service.runtime.status import routes
from service.samples import Samples


@asynccontextmanager
async def in_force() -> AsyncIterator[tuple[Service, Child]]:
    """A service and its one worker, where policies come in force while the block runs."""
    boot: asyncio.Future[Boot] = asyncio.get_running_loop().create_future()
    service = Service(Settings(workers=1), boot)
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    worker = Child(Program("worker", WORKER.module), process)
    running = asyncio.create_task(service.run())
    service.joined(worker)
    service.heard(worker, Compiled("one", b"image"))
    assert await receive(process.stdout) == Prepare("one", b"image")
    assert service.status.silences == ()
    service.heard(worker, Prepared("one"))
    assert await receive(process.stdout) == Activate("one")
    yield service, worker
    running.cancel()
    await worker.stop(10)


def test_a_worker_that_says_that_it_has_no_policies_is_not_in_step() -> None:
    async def scenario() -> None:
        async with in_force() as (service, worker):
            assert service.status.unready == []
            service.heard(worker, Sampled(Samples(gauges={"magistrate_policy_answering": 0.0})))
            assert service.status.unready == ["0 of 1 workers have the policies in force"]
            service.heard(worker, Sampled(Samples(gauges={"magistrate_policy_answering": 1.0})))
            assert service.status.unready == []

    asyncio.run(scenario())


def test_a_worker_that_has_policies_is_silent_since_it_last_said_anything() -> None:
    async def scenario() -> None:
        async with in_force() as (service, worker):
            before = monotonic()
            service.heard(worker, Prepared("one"))
            ((name, silence),) = service.status.silences
            assert name == "worker"
            assert 0.0 < silence <= monotonic() - before

    asyncio.run(scenario())


def test_a_candidate_that_a_worker_gave_up_is_refused_until_there_is_another() -> None:
    async def scenario() -> None:
        async with in_force() as (service, worker):
            pages = routes(lambda: service.status, service.metrics)

            def shown() -> tuple[object, bool]:
                is_alerted_on = b'magistrate_shadow_refused{process="supervisor"} 1.0' in pages["/metrics"]("").body
                return json.loads(pages["/policies"]("").body)["candidate"], is_alerted_on

            service.heard(worker, Candidate("two", "", b"image"))
            assert shown() == ({"digest": "two", "refused": None}, False)
            service.heard(worker, GivenUp("two", "it is slow"))
            assert shown() == ({"digest": "two", "refused": "it is slow"}, True)
            service.heard(worker, Candidate("three", "", b"image"))
            assert shown() == ({"digest": "three", "refused": None}, False)

    asyncio.run(scenario())


def test_an_activation_that_failed_is_over_and_policies_in_force_that_are_lacking_are_refused() -> None:
    async def scenario() -> None:
        async with in_force() as (service, worker), asyncio.timeout(10):
            pages = routes(lambda: service.status, service.metrics)

            async def shown(refusals: int) -> object:
                counted = b'magistrate_policy_reloads_total{result="refused"} %d.0' % refusals
                while counted not in pages["/metrics"]("").body:
                    await asyncio.sleep(0)
                return json.loads(pages["/policies"]("").body)["refused"]

            service.heard(worker, Offered("two", b"image"))
            assert await anext(worker.heard()) == Prepare("two", b"image")
            service.heard(worker, Failed("two", "a mask names nothing"))
            assert await shown(1) is None
            service.heard(worker, Broken("what is in force cannot be loaded", is_finding=False))
            assert await shown(2) == "what is in force cannot be loaded"

    asyncio.run(scenario())
