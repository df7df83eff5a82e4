"""A worker answers by the policies that the feed says are in force, or by none while it has not loaded them."""

import asyncio

import pytest

from policy_lang.compiler import Compiled
from policy_lang.image import write_image
from policy_lang.loading import load
from service.errors import NoPolicies
from service.policies.holder import PolicyHolder
from service.policies.stored import StoredPolicies


def image_of(name: str) -> tuple[str, bytes]:
    bundle = load({"a.policy": f"module {name}\n"})
    return bundle.digest, write_image(bundle, Compiled(bundle.program))


def test_prepared_policies_are_in_force_from_the_change_on() -> None:
    async def run() -> None:
        holder = PolicyHolder()
        stored = StoredPolicies(holder, lambda: "")
        (first, one), (second, other) = image_of("one"), image_of("other")
        await holder.prepare(first, one)
        stored.changed(first, 1)
        assert stored.active().digest == first
        await holder.prepare(second, other)
        assert stored.active().digest == first
        stored.changed(second, 2)
        assert stored.active().digest == second
        holder.activate(second)  # the supervisor says so too, later
        assert stored.active().digest == second

    asyncio.run(run())


def test_a_worker_that_has_not_loaded_what_is_in_force_answers_by_nothing() -> None:
    async def run() -> None:
        holder = PolicyHolder()
        stored = StoredPolicies(holder, lambda: "")
        with pytest.raises(NoPolicies):
            stored.active()
        (first, one), (second, other) = image_of("one"), image_of("other")
        await holder.prepare(first, one)
        holder.activate(first)
        stored.changed(second, 1)
        with pytest.raises(NoPolicies, match="being loaded"):
            stored.active()
        await holder.prepare(second, other)
        holder.activate(second)
        assert stored.active().digest == second

    asyncio.run(run())


def test_a_change_of_everything_has_it_read_what_is_in_force() -> None:
    async def run() -> None:
        holder = PolicyHolder()
        (first, one), (second, _) = image_of("one"), image_of("other")
        read = asyncio.Event()
        loop = asyncio.get_running_loop()

        def read_active() -> str:
            loop.call_soon_threadsafe(read.set)
            return second

        stored = StoredPolicies(holder, read_active)
        await holder.prepare(first, one)
        holder.activate(first)
        stored.changed(None, 1)
        assert stored.active().digest == first
        await read.wait()
        async with asyncio.timeout(10):
            while True:
                try:
                    stored.active()
                except NoPolicies:
                    return
                await asyncio.sleep(0)

    asyncio.run(run())
