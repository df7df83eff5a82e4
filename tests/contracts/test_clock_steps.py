"""The wall clock steps by hours while twenty write and others ask: nothing is lost, and expiry is judged by the clock.

What was acknowledged is told by its revision and not by a time, so that no step hides it or brings it back.
"""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Facts, Question
from policy_lang.gather import gather
from policy_lang.loading import load
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.life import wall_clock
from service.app.upkeep import keep_up
from service.config import Settings
from service.db.engine import Database
from service.entities.fresh_facts import FreshFacts
from service.entities.worker_facts import read_pool, worker_facts
from service.entities.writer import EntityWriter
from service.feed.feed import Feed
from service.feed.pruning import prune_changes
from service.model import AtLeastAsFresh, Consistency, Latency
from service.ports import Snapshot
from tests.service.beside import beside

BUNDLE: Final = load({"docs.policy": """\
module docs
principal type User {}
type Document {}
actions Document { read }
role reader { Document: read }
rule by_role: allow read on Document to role reader
"""})  # fmt: skip
SCHEMA, COMPILED = BUNDLE.program.schema, Compiled(BUNDLE.program)
WRITERS, WRITES = 20, 5
HOUR: Final = 3_600_000
STEPS: Final = (-30, -7, -1, 1, 5, 26)
"""Hours of one step: also past the 24 for which changes are kept."""
SECONDS: Final = 60
DOCUMENT: Final = Ref("Document", "d")
USERS: Final = [Ref("User", f"u{at}") for at in range(WRITERS)]


class SteppingClock:
    """The wall clock of this process, which is stepped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead_ms = 0
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + self._ahead_ms * 1_000_000)
        monkeypatch.setattr(time, "time", lambda: real() / 1e9 + self._ahead_ms / 1e3)

    def step(self, hours: int) -> None:
        """Goes on from another time, as after a wrong setting was put right."""
        self._ahead_ms += hours * HOUR


class Given:
    """What was acknowledged: of each user the revision and the expiry of the last assignment."""

    def __init__(self, facts: Database, base: int) -> None:
        self._writer = EntityWriter(facts, SCHEMA)
        self.base = base
        self.last: dict[Ref, tuple[str, int]] = {}
        self.revisions: list[int] = []

    def assign(self, user: Ref) -> None:
        """Gives the user the role anew, each time for an hour longer."""
        for at in range(WRITES):
            until = self.base + (at + 1) * HOUR
            subject: Json = {"type": user.type, "id": user.id}
            revision = self._writer.assign(subject, "docs.reader", None, format_timestamp(until))
            self.last[user] = (revision, until)
            self.revisions.append(int(revision.partition(".")[2]))


async def effect(places: FreshFacts, user: Ref, now: int, consistency: Consistency) -> Effect:
    """What is decided at that time, on facts so fresh."""
    question = Question(
        principal=user, action="read", resource=DOCUMENT, now=now, principal_cells={}, resource_cells={},
        resource_parents=(), context={"now": now},
    )  # fmt: skip

    def compute(snapshot: Snapshot) -> Facts:
        return gather([question], COMPILED, snapshot)[0]

    return COMPILED.decide(await places.read(SCHEMA, compute, consistency=consistency)).effect


def pruning(facts: Database) -> AbstractContextManager[object]:
    """The background process's part, by the stepped clock too."""
    return beside(partial(keep_up, name="changes", upkeep=partial(prune_changes, facts), every=0.01))


@pytest.fixture
def given(facts: Database) -> Given:
    """Users and a document, without roles."""
    writer = EntityWriter(facts, SCHEMA)
    for ref in (*USERS, DOCUMENT):
        writer.put(ref, {})
    return Given(facts, wall_clock() // 1000 * 1000)


def test_steps_of_the_clock_lose_nothing_and_expiry_is_judged_at_the_decision(
    facts: Database, given: Given, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, chance, began = SteppingClock(monkeypatch), random.Random(7), WRITERS + 1

    async def ask(places: FreshFacts, is_writing: Callable[[], bool]) -> None:
        while is_writing():
            clock.step(chance.choice(STEPS))
            for user, (revision, until) in list(given.last.items()):
                now = wall_clock()
                found = await effect(places, user, now, AtLeastAsFresh(revision))
                if now < until:
                    assert found is Effect.ALLOW, "an assignment that was acknowledged is lost"
                if now >= given.base + WRITES * HOUR:
                    assert found is Effect.DENY, "an assignment outlived its expiry"
            await asyncio.sleep(0)

    async def story() -> None:
        settings = Settings.model_validate({"database": database_url, "data": tmp_path / "data"})
        async with worker_facts(settings, facts, Feed(10), read_pool(settings, facts)) as places:
            with ThreadPoolExecutor(WRITERS) as threads, pruning(facts):
                writes = [threads.submit(given.assign, user) for user in USERS]
                await ask(places, lambda: not all(each.done() for each in writes))
                assert [each.exception() for each in writes] == [None] * WRITERS
            for user in USERS:
                until = given.base + WRITES * HOUR
                at = [await effect(places, user, now, Latency.FULLY_CONSISTENT) for now in (until - 1, until)]
                assert at == [Effect.ALLOW, Effect.DENY], user

    asyncio.run(asyncio.wait_for(story(), SECONDS))
    assert sorted(given.revisions) == list(range(began + 1, began + 1 + WRITERS * WRITES))
