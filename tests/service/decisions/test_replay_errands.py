"""Replays that workers ask for are done beside them: what came of it arrives, and what nobody waits for is left."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.loading import load
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.replayed import Replayed
from policy_lang.values import Ref
from service.app.replaying import build_replays
from service.config import Settings
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.replay_forms import REPLAYS, ReplayWanted, Undone, read_outcome, write_wanted
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.desk import Desk
from service.errors import DeadlineExceeded
from tests.service.beside import beside
from tests.service.decisions.records import sample

TEXTS = {
    "m.policy": """module m
principal type User { level: int }
type Document {}
actions Document { read }
rule r: allow read on Document to User when principal.level > 1
"""
}
STRICTER = {path: text.replace("> 1", "> 2") for path, text in TEXTS.items()}
ANN, BOB = Ref("User", "ann"), Ref("User", "bob")
DECISIONS = [
    replace(
        sample(), id=str(uuid7()), principal=who, action="read", resource=Ref("Document", "d"), effect=Effect.ALLOW,
        code="ALLOWED", rules=("m.r",), obligations=(), hide=False, inputs={"principal.level": level},
        policy_digest=load(TEXTS).digest,
    )
    for who, level in ((ANN, 2), (BOB, 2), (BOB, 3))
]  # fmt: skip


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(database, "facts")
    yield database
    database.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Database]:
    settings = Settings(data=tmp_path)
    database = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    ensure_current(database, "log")
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record(DECISIONS)
    spool.close()
    Shipper(settings.spool_folder, database).ship()
    yield database
    database.close()


@pytest.fixture
def desk(facts: Database, log: Database) -> Iterator[Desk]:
    """The desk of a replica whose background process does replays."""
    settings = Settings()
    with beside(build_replays(settings, facts, log).run):
        yield Desk(facts, settings.replica_id, REPLAYS)


def outcome(desk: Desk, texts: dict[str, str], wanted: LogFilter, most: int = 10) -> Replayed | Undone:
    return read_outcome(desk.outcome(write_wanted(ReplayWanted(texts, wanted, most)), 10.0))


def test_what_came_of_it_arrives_whole(desk: Desk) -> None:
    replayed = outcome(desk, STRICTER, LogFilter())
    assert isinstance(replayed, Replayed)
    (flips,) = replayed.flips.values()
    assert (replayed.total, replayed.alike, replayed.left_out) == (3, 1, {})
    assert (flips.what, flips.rules, flips.count) == (What.NOW_DENIED, ("m.r",), 2)
    assert [(each.id, each.principal, each.effect) for each in flips.examples] == [
        (each.id, each.principal, "allow") for each in reversed(DECISIONS[:2])
    ]


@pytest.mark.parametrize(
    ("wanted", "most", "total"),
    [
        (LogFilter(principal=BOB, effect=Effect.ALLOW, since=0), 10, 2),
        (LogFilter(attributes={"principal.level": "3"}, since=0), 10, 1),
        (LogFilter(), 2, 2),
    ],
    ids=["filter", "input", "limit"],
)
def test_only_what_is_asked_for_is_decided_again(desk: Desk, wanted: LogFilter, most: int, total: int) -> None:
    replayed = outcome(desk, TEXTS, wanted, most)
    assert isinstance(replayed, Replayed)
    assert (replayed.total, replayed.alike) == (total, total)


def test_policies_that_may_not_be_used_are_told(desk: Desk) -> None:
    said = outcome(desk, {"m.policy": "nonsense"}, LogFilter())
    assert isinstance(said, Undone)
    assert (said.of, said.why.startswith("error[E105]")) == ("policies", True)


def test_what_cannot_be_looked_for_is_told(desk: Desk) -> None:
    said = outcome(desk, TEXTS, LogFilter(attributes={"principal.level": "3"}))
    assert said == Undone("since: required: no index has `principal.level`", "filter")


def test_nobody_waiting_ends_a_search_that_finds_nothing(
    facts: Database, log: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.decisions.replays.DecisionLog", partial(DecisionLog, scan_limit=1))
    monkeypatch.setattr("service.errands.LOOK_SECONDS", 0.0)
    desk, stop, looks = Desk(facts, Settings().replica_id, REPLAYS), threading.Event(), list[str]()
    wanted = write_wanted(ReplayWanted(TEXTS, LogFilter(since=0, attributes={"principal.level": "9"}), 10))

    def is_wanted(_: Desk, id_: str) -> bool:
        looks.append(id_)
        stop.set()
        return len(looks) < 2

    monkeypatch.setattr(Desk, "is_wanted", is_wanted)
    id_ = desk.ask(wanted)
    build_replays(Settings(), facts, log).run(stop)
    assert (looks, desk.find(id_)) == ([id_], None)


def test_a_replay_that_nobody_does_is_not_waited_for(facts: Database) -> None:
    desk = Desk(facts, "another", REPLAYS)
    with pytest.raises(DeadlineExceeded, match="the replay did not come in time"):
        desk.outcome("[]", 0.0)
    assert desk.next() is None
