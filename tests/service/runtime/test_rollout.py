"""Policies are in force on every worker or on none, and a worker that comes later gets the same bytes.

The workers are processes that echo what they are told.
"""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from service.runtime.child import Child, Program
from service.runtime.messages import Activate, Candidate, Compiled, Failed, GivenUp, Message, Prepare, Prepared, receive
from service.runtime.rollout import Rollout

ONE, TWO = Compiled("one", b"image one"), Compiled("two", b"image two")
TRIED, NONE = Candidate("two", "", b"image two"), Candidate("", "", b"")


class Worker:
    """A worker whose answers the test gives."""

    def __init__(self, rollout: Rollout, child: Child, stdout: asyncio.StreamReader) -> None:
        self._rollout = rollout
        self._stdout = stdout
        self.child = child
        rollout.joined(child)

    async def told(self) -> Message:
        """What it is told next."""
        async with asyncio.timeout(10):
            return await receive(self._stdout)

    def says(self, message: Message) -> None:
        """It answers."""
        self._rollout.heard(self.child, message)


@asynccontextmanager
async def echoes() -> AsyncIterator[Callable[[Rollout], Coroutine[None, None, Worker]]]:
    """Gives new workers while the block runs."""
    children: list[Child] = []

    async def worker(rollout: Rollout) -> Worker:
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        assert process.stdout is not None
        children.append(Child(Program("worker", "cat"), process))
        return Worker(rollout, children[-1], process.stdout)

    try:
        yield worker
    finally:
        for child in children:
            await child.stop(10)


async def in_force(rollout: Rollout, policies: Compiled, *workers: Worker) -> None:
    """Brings policies into force on workers that can load them."""
    rolling = asyncio.create_task(rollout.roll_out(policies))
    for worker in workers:
        assert await worker.told() == Prepare(policies.digest, policies.body)
        worker.says(Prepared(policies.digest))
    assert await rolling == ""
    for worker in workers:
        assert await worker.told() == Activate(policies.digest)


def test_nothing_is_activated_before_every_worker_is_prepared() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first, second = await new(rollout), await new(rollout)
            rolling = asyncio.create_task(rollout.roll_out(ONE))
            assert await first.told() == await second.told() == Prepare("one", b"image one")
            first.says(Prepared("one"))
            await asyncio.sleep(0)
            assert rollout.digest == ""
            second.says(Prepared("one"))
            assert await rolling == ""
            assert await first.told() == await second.told() == Activate("one")
            assert rollout.digest == "one"

    asyncio.run(scenario())


def test_policies_that_one_worker_cannot_load_are_activated_on_none() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first, second = await new(rollout), await new(rollout)
            await in_force(rollout, ONE, first, second)
            rolling = asyncio.create_task(rollout.roll_out(TWO))
            await first.told()
            first.says(Prepared("two"))
            second.says(Failed("two", "it is broken"))
            assert await rolling == "it is broken"
            assert rollout.digest == "one"
            assert set(rollout.digests.values()) == {"one"}

    asyncio.run(scenario())


def test_a_worker_that_dies_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first, second = await new(rollout), await new(rollout)
            rolling = asyncio.create_task(rollout.roll_out(ONE))
            await first.told()
            first.says(Prepared("one"))
            rollout.left(second.child)
            assert await rolling == ""

    asyncio.run(scenario())


def test_a_worker_that_comes_later_gets_the_policies_in_force() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            await in_force(rollout, ONE, await new(rollout))
            later = await new(rollout)
            assert await later.told() == Prepare("one", b"image one")
            later.says(Prepared("one"))
            assert await later.told() == Activate("one")

    asyncio.run(scenario())


def test_a_worker_that_comes_later_tries_out_what_the_others_do_until_none_does() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first = await new(rollout)
            await in_force(rollout, ONE, first)
            rollout.try_out(TRIED)
            assert await first.told() == TRIED
            later = await new(rollout)
            assert [await later.told(), await later.told()] == [Prepare("one", ONE.body), TRIED]
            rollout.try_out(NONE)
            assert await first.told() == await later.told() == NONE

    asyncio.run(scenario())


def test_why_a_worker_gave_a_candidate_up_is_known_until_there_is_another_or_the_worker_is_gone() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first, _second = await new(rollout), await new(rollout)
            first.says(GivenUp("two", "before it was told to"))
            assert rollout.candidate_given_up == ""
            rollout.try_out(TRIED)
            first.says(GivenUp("one", "another"))
            assert rollout.candidate_given_up == ""
            first.says(GivenUp("two", "it is slow"))
            assert rollout.candidate_given_up == "it is slow"
            rollout.try_out(TRIED)
            assert rollout.candidate_given_up == ""
            first.says(GivenUp("two", "it is slow"))
            rollout.left(first.child)
            assert rollout.candidate_given_up == ""

    asyncio.run(scenario())


def test_a_worker_that_comes_during_a_change_takes_part_in_it() -> None:
    async def scenario() -> None:
        async with echoes() as new:
            rollout = Rollout()
            first = await new(rollout)
            await in_force(rollout, ONE, first)
            rolling = asyncio.create_task(rollout.roll_out(TWO))
            assert await first.told() == Prepare("two", b"image two")
            later = await new(rollout)
            assert [await later.told(), await later.told()] == [Prepare("one", ONE.body), Prepare("two", TWO.body)]
            later.says(Prepared("one"))
            assert await later.told() == Activate("one")
            first.says(Prepared("two"))
            await asyncio.sleep(0)
            assert rollout.digest == "one"
            later.says(Prepared("two"))
            assert await rolling == ""
            assert await first.told() == await later.told() == Activate("two")

    asyncio.run(scenario())
