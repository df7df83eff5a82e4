"""Policies are loaded beside those in force, swapped in one step, and refused whole."""

import asyncio
import gc
import weakref
from collections.abc import Coroutine

import pytest

from policy_lang.loading import load
from policy_lang.schema import Schema
from service.errors import ConfigError, NoPolicies
from service.model import ActivePolicies
from service.policies.holder import PAUSE_SECONDS, PolicyHolder
from service.policies.watching import Fit, compile_texts

POLICY = "module m\nprincipal type User {}\ntype Note {}\nactions Note { read }\n"


def fit(rules: int) -> Fit:
    lines = [f"rule r{number}: allow read on Note to anyone" for number in range(rules)]
    return compile_texts({"m.policy": POLICY + "\n".join(lines) + "\n"})


ONE, TWO = fit(1), fit(2)


def run(scenario: Coroutine[None, None, None]) -> None:
    asyncio.run(scenario)


def test_before_the_first_activation_there_are_no_policies() -> None:
    with pytest.raises(NoPolicies):
        PolicyHolder().active()


def test_what_is_prepared_is_in_force_only_once_it_is_activated() -> None:
    async def scenario() -> None:
        holder = PolicyHolder()
        followed: list[ActivePolicies] = []
        holder.follow(followed.append)
        await holder.prepare(ONE.digest, ONE.image)
        holder.activate(ONE.digest)
        await holder.prepare(TWO.digest, TWO.image)
        assert holder.active().digest == ONE.digest
        holder.activate(TWO.digest)
        assert holder.active().digest == TWO.digest
        assert [policies.digest for policies in followed] == [ONE.digest, TWO.digest]

    run(scenario())


@pytest.mark.parametrize(
    ("added", "keeps_schema", "keeps_types"),
    [
        ("rule again: deny read on Note to anyone", True, True),
        ("role reader on Note {}", False, True),
        ("type Book {}\nactions Book { read }", False, False),
    ],
)
def test_what_is_declared_as_before_is_the_same_object_so_that_facts_are_kept(
    added: str, keeps_schema: bool, keeps_types: bool
) -> None:
    async def scenario() -> None:
        holder = PolicyHolder()
        later = compile_texts({"m.policy": f"{POLICY}{added}\n"})
        schemas = list[Schema]()
        for each in (ONE, later):
            await holder.prepare(each.digest, each.image)
            holder.activate(each.digest)
            schemas.append(holder.active().bundle.program.schema)
        before, after = schemas
        assert (after is before, after.types is before.types) == (keeps_schema, keeps_types)
        assert after == load({"m.policy": f"{POLICY}{added}\n"}).program.schema

    run(scenario())


class Cycle:
    """What a call leaves behind: only the collector finds it."""

    def __init__(self) -> None:
        self.itself = self


def test_loading_keeps_nothing_of_what_calls_leave_behind() -> None:
    async def scenario() -> None:
        gc.disable()
        try:
            left = weakref.ref(Cycle())
            await PolicyHolder().prepare(ONE.digest, ONE.image)
            gc.collect()
            assert left() is None
        finally:
            gc.enable()

    run(scenario())


def test_policies_that_lack_what_is_set_up_beside_them_are_not_prepared() -> None:
    def check(schema: Schema) -> None:
        if "Note" in schema.types:
            raise ConfigError("the policies declare no `Page`")

    async def scenario() -> None:
        holder = PolicyHolder(check)
        with pytest.raises(ConfigError, match="declare no `Page`"):
            await holder.prepare(ONE.digest, ONE.image)
        assert not holder.is_prepared(ONE.digest)

    run(scenario())


def test_an_image_that_cannot_be_loaded_changes_nothing() -> None:
    async def scenario() -> None:
        holder = PolicyHolder()
        await holder.prepare(ONE.digest, ONE.image)
        holder.activate(ONE.digest)
        with pytest.raises(ConfigError, match="another version"):
            await holder.prepare(TWO.digest, b"no image")
        with pytest.raises(ConfigError, match="cut short"):
            await holder.prepare(TWO.digest, TWO.image[:-1])
        assert gc.isenabled()
        with pytest.raises(ConfigError, match=f"came as `{TWO.digest}`"):
            await holder.prepare("another", TWO.image)
        assert holder.active().digest == ONE.digest

    run(scenario())


def test_a_holder_that_answers_is_held_up_for_no_longer_than_a_slice() -> None:
    """Counted, not timed: between two slices the loop goes on, however large the policies are."""
    large = fit(1_000)

    async def scenario() -> None:
        holder = PolicyHolder()
        await holder.prepare(ONE.digest, ONE.image)
        holder.activate(ONE.digest)
        turns = 0

        async def answer() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(PAUSE_SECONDS / 2)

        answering = asyncio.create_task(answer())
        await holder.prepare(large.digest, large.image)
        answering.cancel()
        assert turns > 5

    run(scenario())


async def tried_out() -> PolicyHolder:
    """A holder of the first policies that tries the second ones out."""
    holder = PolicyHolder()
    await holder.prepare(ONE.digest, ONE.image)
    holder.activate(ONE.digest)
    await holder.try_out(TWO.digest, TWO.image)
    return holder


def find_candidate(holder: PolicyHolder) -> str:
    """The digest of what is tried out; empty for none."""
    return "" if holder.candidate is None else holder.candidate.digest


def test_what_is_tried_out_is_not_in_force_and_is_let_go_when_it_is() -> None:
    async def scenario() -> None:
        holder = await tried_out()
        assert (holder.active().digest, find_candidate(holder)) == (ONE.digest, TWO.digest)
        await holder.prepare(TWO.digest, TWO.image)
        assert find_candidate(holder) == TWO.digest
        holder.activate(TWO.digest)
        assert (holder.active().digest, find_candidate(holder)) == (TWO.digest, "")

    run(scenario())


def test_what_is_given_up_is_told_once_and_what_is_let_go_is_not() -> None:
    async def scenario() -> None:
        told: list[tuple[str, str]] = []
        holder = PolicyHolder(given_up=lambda digest, why: told.append((digest, why)))
        for _each in range(2):
            await holder.try_out(TWO.digest, TWO.image)
            holder.let_go()
        await holder.try_out(TWO.digest, TWO.image)
        for _each in range(2):
            holder.give_up("it is slow")
        assert (holder.candidate, told) == (None, [(TWO.digest, "it is slow")])

    run(scenario())


def test_what_is_in_force_is_not_tried_out() -> None:
    async def scenario() -> None:
        holder = await tried_out()
        await holder.try_out(ONE.digest, ONE.image)
        assert holder.candidate is None

    run(scenario())


@pytest.mark.parametrize(("digest", "image"), [(ONE.digest, b"no image"), ("another", TWO.image)])
def test_what_cannot_be_tried_out_leaves_none_tried_out(digest: str, image: bytes) -> None:
    async def scenario() -> None:
        holder = await tried_out()
        with pytest.raises(ConfigError, match=f"the policies `{digest}`"):
            await holder.try_out(digest, image)
        assert (holder.active().digest, holder.candidate) == (ONE.digest, None)

    run(scenario())
