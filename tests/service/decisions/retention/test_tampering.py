"""What expired and was erased gives nobody room: what is done behind it, to notes or with them, shows."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_tables import log_note
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.retention.erasing import Erasure
from service.decisions.retention.notes import NoteKind, read_note, write_note
from service.decisions.retention.removing import Warrant
from service.decisions.signed_lines import hash_line
from service.model import DecisionRecord
from tests.service.decisions.chains import (
    CHAINS,
    KEY,
    NORTH,
    chain_anew,
    faults_of,
    found,
    id_at,
    insert_beside,
    tamper,
)
from tests.service.decisions.records import sample
from tests.service.decisions.retention.aged import NOW, aged, expire, settings
from tests.service.decisions.retention.aged import fill as fill_chain

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
EXPIRED = (2, 3, 7)
ERASED = (5, 9)
GONE = "DELETE FROM {table} WHERE {column} = '{id}'"


def fill(database: Database, folder: Path) -> Path:
    """Three chains of ten records, of which three expired (note 1) and two of eve's were erased (notes 2 and 3).

    Checkpoints saw five of each, and all. The file of those.
    """
    file = folder / "checkpoints.jsonl"
    for start in (1, 6):
        for replica in CHAINS:
            places = range(start, start + 5)
            fill_chain(database, folder, replica, [_record(place) for place in places])
        CheckpointWriter(database, file, KEY).write()
    expire(database, settings(rules=[{"effect": "allow", "keep": "30d"}]))
    for name in ("eve", "eva"):
        warrant = Warrant(NoteKind.ERASED, "operator:bob", "request 114", NOW, KEY)
        Erasure(database, Ref("User", name), is_mentioned=False).erase(warrant, lambda _: None)
    return file


def _record(place: int) -> DecisionRecord:
    principal = {5: "eve", 9: "eva"}.get(place, "alice")
    return aged(40 - place, Effect.ALLOW if place in EXPIRED else Effect.DENY, principal=principal)


def remove(database: Database, place: int) -> None:
    """Deletes a record of NORTH, and what stands beside it."""
    id_ = id_at(database, NORTH, place)
    tables = ("decision_rule", "decision_missing", "decision_attribute")
    tamper(
        database,
        *(GONE.format(table=table, column="decision_id", id=id_) for table in tables),
        GONE.format(table="decision", column="id", id=id_),
    )


def _spelled(database: Database, statement: str) -> str:
    """The statement as that database spells bytes."""
    return statement.replace("salt = ''", "salt = x''") if database.is_embedded else statement


def test_a_log_is_sound_and_proven_across_what_is_gone(log_database: Database, tmp_path: Path) -> None:
    report = found(log_database, fill(log_database, tmp_path))
    assert report.is_sound
    assert [(each.replica, each.links, each.proven, each.expired, each.erased) for each in report.chains] == [
        (replica, 10, 10, 3, 2) for replica in CHAINS
    ]
    assert [note.records for note in report.erasures] == [3, 3]


NOTE = ("note", None, None)
CASES = {
    "delete a record beside": ([], 4, ("removed", NORTH, 4)),
    "delete a record, and call it expired": (
        ["UPDATE chain_link SET note = 1, salt = '' WHERE replica = 'north' AND sequence = 4"], 4,
        ("removed", NORTH, 4),
    ),
    "delete a record, and widen the note": (
        [
            "UPDATE chain_link SET note = 1, salt = '' WHERE replica = 'north' AND sequence = 4",
            "UPDATE log_note SET line = replace(line, '[[2,3],[7,7]]', '[[2,4],[7,7]]')",
        ], 4, ("removed", NORTH, 2),
    ),
    "delete a note": (["DELETE FROM log_note WHERE number = 1"], None, ("removed", NORTH, 2)),
    "delete the last note": (["DELETE FROM log_note WHERE number = 3"], None, ("removed", NORTH, 9)),
    "renumber a note": (["UPDATE log_note SET number = 4 WHERE number = 3"], None, ("removed", NORTH, 9)),
    "take one note for another": (
        ["UPDATE chain_link SET note = 2 WHERE replica = 'north' AND sequence = 9"], None, ("removed", NORTH, 9),
    ),
    "write a note that is none": (["UPDATE log_note SET line = 'none' WHERE number = 2"], None, ("removed", NORTH, 5)),
    "date a note back": (
        ["UPDATE log_note SET line = replace(line, '1767607200000', '1767607100000') WHERE number = 2"], None,
        ("removed", NORTH, 5),
    ),
    "take the note from a link": (
        ["UPDATE chain_link SET note = NULL WHERE replica = 'north' AND sequence = 5"], None, ("removed", NORTH, 5),
    ),
    "give a note to a record that is there": (
        ["UPDATE chain_link SET note = 1 WHERE replica = 'north' AND sequence = 4"], None, ("changed", NORTH, 4),
    ),
    "give a salt back": (
        ["UPDATE chain_link SET salt = record_hash WHERE replica = 'north' AND sequence = 5"], None,
        ("changed", NORTH, 5),
    ),
    "delete an expired link": (
        ["DELETE FROM chain_link WHERE replica = 'north' AND sequence = 3"], None, ("removed", NORTH, 3),
    ),
    "change the hash of what expired": (
        ["UPDATE chain_link SET record_hash = chain_hash WHERE replica = 'north' AND sequence = 3"], None,
        ("broken", NORTH, 3),
    ),
    "swap what expired for another": (
        [
            "UPDATE chain_link SET sequence = -1 WHERE replica = 'north' AND sequence = 3",
            "UPDATE chain_link SET sequence = 3 WHERE replica = 'north' AND sequence = 4",
            "UPDATE chain_link SET sequence = 4 WHERE replica = 'north' AND sequence = -1",
        ], None, ("broken", NORTH, 3),
    ),
    "let one chain take the place of another": (
        [
            "DELETE FROM chain_link WHERE replica = 'south' AND sequence > 0",
            "UPDATE chain_link SET replica = 'south' WHERE replica = 'north'",
        ], None, ("truncated", NORTH, 1),
    ),
}  # fmt: skip
"""Statements, a place whose record is deleted too, and the first finding."""


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_beside_and_behind_what_is_gone_shows(log_database: Database, tmp_path: Path, case: str) -> None:
    fill(log_database, tmp_path)
    statements, place, first = CASES[case]
    if place is not None:
        remove(log_database, place)
    tamper(log_database, *(_spelled(log_database, statement) for statement in statements))
    assert faults_of(found(log_database))[0] == first


def test_a_record_that_is_put_back_shows(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    back = replace(sample(), id=id_at(log_database, NORTH, 5), effect=Effect.ALLOW)
    insert_beside(log_database, back)
    (fault,) = found(log_database).chains[0].faults
    assert (fault.kind.value, fault.sequence, fault.id) == ("changed", 5, back.id)


def forge(database: Database, key: Ed25519PrivateKey | None) -> None:
    """Deletes the record at place 4 of NORTH, under a note of one's own."""
    with database.read() as connection:
        last = connection.execute(select(log_note.c.line).where(log_note.c.number == 3)).scalar_one()
    note = read_note(last).content
    (north, *_) = (chain for chain in note.chains if chain.replica == NORTH)
    remove(database, 4)
    places = "replica = 'north' AND sequence = 4"
    tamper(database, _spelled(database, f"UPDATE chain_link SET note = 4, salt = '' WHERE {places}"))
    with database.write() as connection:
        hash_ = connection.exec_driver_sql(f"SELECT chain_hash FROM chain_link WHERE {places}").scalar_one()
        covered = replace(north, ranges=((4, 4),), hash=bytes(hash_))
        forged = replace(note, number=4, previous=hash_line(last), chains=(covered,))
        connection.execute(insert(log_note).values(number=4, line=write_note(forged, key)))


@pytest.mark.parametrize("key", [None, OTHER_KEY], ids=["unsigned", "another key"])
def test_a_forged_note_covers_nothing(log_database: Database, tmp_path: Path, key: Ed25519PrivateKey | None) -> None:
    fill(log_database, tmp_path)
    forge(log_database, key)
    assert faults_of(found(log_database)) == [("removed", NORTH, 4), NOTE]


def test_a_forged_note_shows_by_the_public_key_alone(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    forge(log_database, None)
    report = found(log_database, has_key=False)
    assert (report.is_sound, report.unsigned_notes, report.chains[0].erased) == (True, 1, 3)


def test_a_note_that_is_written_again_under_another_number_shows(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    tamper(log_database, "INSERT INTO log_note (number, line) SELECT 4, line FROM log_note WHERE number = 1")
    assert faults_of(found(log_database)) == [NOTE]


@pytest.mark.parametrize("has_checkpoints", [True, False], ids=["checkpoints", "none"])
def test_a_chain_that_was_computed_anew_below_a_note_is_not_the_notes_chain(
    log_database: Database, tmp_path: Path, *, has_checkpoints: bool
) -> None:
    fill(log_database, tmp_path)
    victim = id_at(log_database, NORTH, 4)
    tamper(
        log_database,
        f'UPDATE decision SET body = replace(body, \'"code":"STEP_UP"\', \'"code":"OTHER"\'), code = \'OTHER\''
        f" WHERE id = '{victim}'",
    )
    chain_anew(log_database, NORTH, 4)
    if not has_checkpoints:
        tamper(log_database, "DELETE FROM checkpoint")
    # A note is a witness too: it is signed, and names the hash of the last place that it covers.
    faults = faults_of(found(log_database))
    notes = [("note", NORTH, 5), ("note", NORTH, 7), ("note", NORTH, 9)]
    assert [fault for fault in faults if fault[0] == "note"] == notes
    assert [fault for fault in faults if fault[0] == "replaced"] == (
        [("replaced", NORTH, 1)] * 2 if has_checkpoints else []
    )


def test_a_chain_computed_anew_behind_the_last_note_shows_by_a_checkpoint_alone(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path)
    victim = id_at(log_database, NORTH, 10)
    tamper(
        log_database,
        f'UPDATE decision SET body = replace(body, \'"code":"STEP_UP"\', \'"code":"OTHER"\'), code = \'OTHER\''
        f" WHERE id = '{victim}'",
    )
    chain_anew(log_database, NORTH, 10)
    assert faults_of(found(log_database)) == [("replaced", NORTH, 6)]
    tamper(log_database, "DELETE FROM checkpoint")
    assert found(log_database).is_sound
