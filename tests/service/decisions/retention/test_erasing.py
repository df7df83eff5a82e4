"""What names somebody is erased under a signed note, and nothing of it is left but a hash; what is held is refused."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_tables import decision, log_note
from service.db.migration import migrate
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.retention.erasing import Erased, Erasure
from service.decisions.retention.holds import TURN, Hold, find, lift, place
from service.decisions.retention.notes import NoteKind, WrittenNote
from service.decisions.retention.removing import Warrant
from service.decisions.rows import INDEXED
from service.errors import AuditUnavailable, HoldRefused, RecordsHeld
from service.model import DecisionRecord
from tests.service.decisions.chains import KEY, NORTH, SOUTH, found, tamper
from tests.service.decisions.records import sample
from tests.service.decisions.retention.aged import NOW, fill

EVE = Ref("User", "eve-the-erased")
WARRANT = Warrant(NoteKind.ERASED, "operator:bob", "request 114", NOW, KEY)


def other() -> DecisionRecord:
    """A record of somebody else."""
    return replace(sample(), inputs={})


def erase(database: Database, *, is_mentioned: bool = False, notes: list[WrittenNote] | None = None) -> Erased:
    """Erases what names EVE."""
    told = [] if notes is None else notes
    return Erasure(database, EVE, is_mentioned=is_mentioned).erase(WARRANT, told.append)


def ids_of(database: Database) -> list[str]:
    """The records that are there."""
    with database.read() as connection:
        return list(connection.execute(select(decision.c.id).order_by(decision.c.id)).scalars())


@pytest.mark.parametrize("role", ["principal", "caller", "resource"])
def test_who_is_asked_about_asks_or_is_the_resource_is_erased(
    log_database: Database, tmp_path: Path, role: str
) -> None:
    ids = fill(log_database, tmp_path, NORTH, [other(), replace(other(), **{role: EVE}), other()])  # type: ignore[arg-type]
    assert erase(log_database) == Erased(1, (1,), 0)
    assert ids_of(log_database) == [ids[0], ids[2]]


def test_a_log_is_sound_across_what_was_erased_and_says_under_which_note(
    log_database: Database, tmp_path: Path
) -> None:
    for replica in (NORTH, SOUTH):
        fill(log_database, tmp_path, replica, [other(), replace(other(), principal=EVE), replace(other(), caller=EVE)])
    file = tmp_path / "checkpoints.jsonl"
    CheckpointWriter(log_database, file, KEY).write()
    notes: list[WrittenNote] = []
    assert erase(log_database, notes=notes) == Erased(4, (1, 2), 0)
    report = found(log_database, file)
    assert report.is_sound
    assert [(chain.links, chain.proven, chain.erased) for chain in report.chains] == [(3, 3, 2), (3, 3, 2)]
    assert [(note.number, note.by, note.reason, note.records) for note in report.erasures] == [
        (1, "operator:bob", "request 114", 2),
        (2, "operator:bob", "request 114", 2),
    ]
    assert [note.content for note in notes] == list(report.erasures)


def test_neither_the_note_nor_anything_else_in_the_database_names_who_was_erased(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path, NORTH, [replace(other(), principal=EVE, rules=()), other()])
    erase(log_database)
    with log_database.read() as connection:
        (line,) = connection.execute(select(log_note.c.line)).scalars()
    assert EVE.id not in line
    if log_database.file is None:
        return
    assert log_database.settle()
    beside = [log_database.file.with_name(f"{log_database.file.name}-wal"), log_database.file]
    assert all(EVE.id.encode() not in file.read_bytes() for file in beside if file.exists())


MENTIONS = {
    "an input": {"inputs": {"resource.owner": "User:eve-the-erased"}},
    "an input in a list": {"inputs": {"resource.readers": ["User:bob", "User:eve-the-erased"]}},
    "a tenant": {"tenant": EVE},
    "whose groups were read": {"inputs": {"parents": {"User:eve-the-erased": ["Team:ops"]}}},
    "who was given a role": {"inputs": {"assign": ["User:eve-the-erased docs.editor Folder:f1"]}},
    "who was given a role everywhere": {"inputs": {"assign": ["User:eve-the-erased docs.editor"]}},
    "who was related": {"inputs": {"relate": ["Folder:f1 docs.owner User:eve-the-erased until 2026-01-05T10:00:00Z"]}},
}
STRANGERS = {
    "a longer id": {"inputs": {"resource.owner": "User:eve-the-erased-too"}},
    "another type": {"inputs": {"resource.owner": "Robot:eve-the-erased"}},
    "a longer id with a space": {"inputs": {"assign": ["User:eve-the-erased too docs.editor Folder:f1"]}},
    "a longer id behind another": {"inputs": {"relate": ["Folder:f1 docs.owner User:eve-the-erased too"]}},
    "other letters": {"inputs": {"resource.owner": "User:EVE-the-erased"}},
}


@pytest.mark.parametrize(
    ("fields", "count"),
    [*((fields, 1) for fields in MENTIONS.values()), *((fields, 0) for fields in STRANGERS.values())],
    ids=[*MENTIONS, *STRANGERS],
)
def test_who_is_only_mentioned_is_erased_where_that_is_asked_for(
    log_database: Database, tmp_path: Path, fields: dict[str, object], count: int
) -> None:
    fill(log_database, tmp_path, NORTH, [replace(other(), **fields), other()])  # type: ignore[arg-type]
    assert erase(log_database) == Erased(0, (), 0)
    assert erase(log_database, is_mentioned=True).records == count


def test_who_shares_the_beginning_of_a_long_id_is_not_erased(log_database: Database, tmp_path: Path) -> None:
    long, longer = Ref("User", "e" * INDEXED), Ref("User", "e" * INDEXED + "ve")
    records = [replace(other(), principal=longer), replace(other(), caller=long)]
    kept, _ = fill(log_database, tmp_path, NORTH, records)
    assert Erasure(log_database, long, is_mentioned=False).erase(WARRANT, lambda _: None) == Erased(1, (1,), 0)
    assert ids_of(log_database) == [kept]


def test_a_body_that_is_none_stays_and_stops_nothing(log_database: Database, tmp_path: Path) -> None:
    changed, _ = fill(log_database, tmp_path, NORTH, [other(), replace(other(), principal=EVE)])
    tamper(log_database, f"UPDATE decision SET body = 'not about {EVE.id}' WHERE id = '{changed}'")
    assert erase(log_database, is_mentioned=True) == Erased(1, (1,), 1)
    assert ids_of(log_database) == [changed]


@pytest.mark.parametrize(("name", "mentioned"), [("principal", False), ("inputs", True)], ids=["named", "mentioned"])
def test_where_one_is_held_none_is_erased_and_the_hold_is_named(
    log_database: Database, tmp_path: Path, name: str, *, mentioned: bool
) -> None:
    naming = {"principal": EVE} if name == "principal" else {"inputs": {"resource.owner": str(EVE)}}
    records = [replace(other(), principal=EVE), replace(other(), tenant=Ref("Tenant", "t2"), **naming)]
    ids = fill(log_database, tmp_path, NORTH, records)
    hold = Hold("case-7", "a suit", "operator:bob", NOW, tenant=Ref("Tenant", "t2"))
    with log_database.write() as connection:
        place(connection, hold)
        place(connection, Hold("case-8", "another", "operator:bob", NOW, tenant=Ref("Tenant", "t3")))
    with pytest.raises(RecordsHeld, match=r"`User:eve-the-erased` are held by `case-7` \(a suit\): none is erased"):
        erase(log_database, is_mentioned=mentioned)
    assert ids_of(log_database) == ids
    with log_database.write() as connection:
        lift(connection, hold)
    assert erase(log_database, is_mentioned=mentioned).records == 2


def hold_tenant(database: Database) -> None:
    """Holds what is of another tenant than that of the samples."""
    with database.alone(TURN) as connection:
        place(connection, Hold("case-7", "a suit", "operator:bob", NOW, tenant=Ref("Tenant", "t2")))


def test_what_a_hold_that_is_placed_meanwhile_holds_stays(postgresql: Database, tmp_path: Path) -> None:
    migrate(postgresql, "log")
    records = [replace(other(), principal=EVE), replace(other(), caller=EVE, tenant=Ref("Tenant", "t2"))]
    _, kept = fill(postgresql, tmp_path, NORTH, records)
    placing: list[Future[None]] = []
    with ThreadPoolExecutor(1) as threads:

        def place_next(_: WrittenNote) -> None:
            """Has a hold wait for the end of the first step, behind which it comes before the second."""
            placing.append(threads.submit(hold_tenant, postgresql))
            while not is_waited_for(postgresql):
                assert not placing[0].done()

        with pytest.raises(RecordsHeld, match=r"held by `case-7`.*: 1 are erased, and those not"):
            Erasure(postgresql, EVE, is_mentioned=False).erase(WARRANT, place_next)
        placing[0].result()
    assert ids_of(postgresql) == [kept]


def is_waited_for(database: Database) -> bool:
    """Whether somebody waits for the turn of holds."""
    with database.read() as connection:
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(connection.execute(waiting).scalar_one() == 1)


def test_what_cannot_be_recorded_is_not_erased(log_database: Database, tmp_path: Path) -> None:
    ids = fill(log_database, tmp_path, NORTH, [replace(other(), principal=EVE)])

    def refuse(_: WrittenNote) -> None:
        raise AuditUnavailable("full")

    with pytest.raises(AuditUnavailable):
        Erasure(log_database, EVE, is_mentioned=False).erase(WARRANT, refuse)
    assert ids_of(log_database) == ids


def test_what_was_changed_is_not_erased_and_still_shows(log_database: Database, tmp_path: Path) -> None:
    (changed,) = fill(log_database, tmp_path, NORTH, [replace(other(), caller=EVE, principal=EVE)])
    tamper(log_database, f"UPDATE decision SET effect = 'allow' WHERE id = '{changed}'")
    assert erase(log_database) == Erased(0, (), 1)
    assert ids_of(log_database) == [changed]


def test_holds_have_names_of_their_own_and_say_what_they_hold(log_database: Database) -> None:
    hold = Hold("case-7", "a suit", "operator:bob", NOW, since=NOW)
    with log_database.write() as connection:
        place(connection, hold)
    for refused, why in (
        (hold, "there is a hold `case-7`"),
        (replace(hold, name="case-8", since=None), "a hold says what it holds"),
    ):
        with pytest.raises(HoldRefused, match=why), log_database.write() as connection:
            place(connection, refused)
    with log_database.write() as connection:
        assert find(connection, "case-7") == hold
    with pytest.raises(HoldRefused, match="the hold `case-7` is another by now"), log_database.write() as connection:
        lift(connection, replace(hold, placed_at=NOW - 1))
    with log_database.write() as connection:
        lift(connection, hold)
    with pytest.raises(HoldRefused, match="there is no hold `case-7`"), log_database.write() as connection:
        lift(connection, hold)
