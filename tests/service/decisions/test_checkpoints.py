"""Checkpoints are one signed sequence, kept in the database and in a file; what is done to either shows."""

import json
import shutil
import threading
from contextlib import closing
from pathlib import Path
from time import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, event, select

from service.db.backup import sqlite_copy
from service.db.engine import Database
from service.db.log_tables import checkpoint
from service.db.opening import open_database
from service.decisions.checkpoint import BadCheckpoint, read_checkpoint
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.verification import verify_log
from service.samples import Samples
from tests.service.decisions.chains import CHAINS, KEY, LENGTH, NORTH, faults_of, fill, found, keep, tamper
from tests.service.decisions.records import samples

CHECKPOINT = ("checkpoint", None, None)


def stored(database: Database) -> list[str]:
    """The lines in the database."""
    with database.read() as connection:
        return list(connection.execute(select(checkpoint.c.line).order_by(checkpoint.c.number)).scalars())


def test_the_file_holds_what_the_database_holds(log_database: Database, tmp_path: Path) -> None:
    file = fill(log_database, tmp_path)
    assert file.read_text().splitlines() == stored(log_database)
    assert file.stat().st_mode & 0o777 == 0o600
    first, second = (read_checkpoint(line).content for line in stored(log_database))
    assert [(head.replica, head.sequence) for head in first.heads] == [(replica, LENGTH // 2) for replica in CHAINS]
    assert [(head.replica, head.sequence) for head in second.heads] == [(replica, LENGTH) for replica in CHAINS]


def test_nothing_new_is_no_checkpoint(log_database: Database, tmp_path: Path) -> None:
    file = fill(log_database, tmp_path)
    assert not CheckpointWriter(log_database, file, KEY).write()
    assert len(stored(log_database)) == 2


def test_a_file_gets_what_it_lacks_after_a_torn_end(log_database: Database, tmp_path: Path) -> None:
    file = fill(log_database, tmp_path)
    whole = file.read_text()
    file.write_text(whole[:-20])
    assert found(log_database, file).is_sound
    CheckpointWriter(log_database, file, KEY).write()
    assert file.read_text() == whole


def test_a_file_gets_all_that_it_lacks_however_many(
    log_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.decisions.checkpoint_writing._AT_ONCE", 2)
    for _ in range(5):
        keep(log_database, tmp_path, NORTH, samples(1))
        CheckpointWriter(log_database, tmp_path / "one.jsonl", KEY).write()
    late = tmp_path / "two.jsonl"
    assert not CheckpointWriter(log_database, late, KEY).write()
    assert late.read_text().splitlines() == stored(log_database)


def test_how_long_no_checkpoint_succeeds_is_told_from_the_start(log_database: Database, tmp_path: Path) -> None:
    samples, stop, begun = Samples(), threading.Event(), time()
    writer = CheckpointWriter(log_database, tmp_path / "absent" / "checkpoints.jsonl", None)
    stop.set()
    writer.run(stop, every=3600.0)
    writer.try_write()
    writer.tell(samples)
    assert samples.counters["magistrate_checkpoints", (("result", "failed"),)] == 1
    good_at = samples.gauges["magistrate_checkpoint_success_timestamp_seconds"]
    assert begun <= good_at <= time()
    (tmp_path / "absent").mkdir()
    writer.try_write()
    writer.tell(samples)
    assert samples.gauges["magistrate_checkpoint_success_timestamp_seconds"] > good_at
    assert samples.gauges["magistrate_checkpoint_interval_seconds"] == 3600


def test_two_replicas_write_one_sequence(log_database: Database, tmp_path: Path) -> None:
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for turn in range(4):
        keep(log_database, tmp_path, NORTH, samples(1))
        CheckpointWriter(log_database, files[turn % 2], KEY).write()
    assert [read_checkpoint(line).content.number for line in stored(log_database)] == [1, 2, 3, 4]
    assert files[1].read_text().splitlines() == stored(log_database)
    assert all(found(log_database, file).is_sound for file in files)


def test_one_that_is_written_meanwhile_is_missing_from_neither(log_database: Database, tmp_path: Path) -> None:
    file, written = fill(log_database, tmp_path), threading.Event()

    def write_another(_c: Connection, _r: object, statement: str, *_: object) -> None:
        if "FROM checkpoint" in statement and not written.is_set():
            written.set()
            keep(log_database, tmp_path, NORTH, samples(1))
            CheckpointWriter(log_database, file, KEY).write()

    event.listen(Engine, "after_cursor_execute", write_another)
    try:
        report = found(log_database, file)
    finally:
        event.remove(Engine, "after_cursor_execute", write_another)
    assert written.is_set()
    assert len(file.read_text().splitlines()) == 3
    assert (report.is_sound, report.last_checkpoint) == (True, 2)


def test_after_a_restore_a_file_begun_anew_fits_and_the_old_one_tells_what_is_lost(
    sqlite_template: Path, tmp_path: Path
) -> None:
    live, copy = tmp_path / "log.db", tmp_path / "copy.db"
    shutil.copy(sqlite_template, live)
    with closing(open_database(f"sqlite:///{live}")) as database:
        file = fill(database, tmp_path)
        sqlite_copy.copy(live, copy)
        keep(database, tmp_path, NORTH, samples(3))
        CheckpointWriter(database, file, KEY).write()
    for each in tmp_path.glob("log.db*"):
        each.unlink()
    copy.rename(live)
    old = file.rename(tmp_path / "old.jsonl")
    with closing(open_database(f"sqlite:///{live}")) as database:
        keep(database, tmp_path, NORTH, samples(1))
        CheckpointWriter(database, file, KEY).write()
        assert found(database, file).is_sound
        assert faults_of(found(database, old)) == [("truncated", NORTH, LENGTH + 2), CHECKPOINT]


@pytest.mark.parametrize("end", ["\n", ""], ids=["with its end", "without"])
def test_one_line_that_an_auditor_kept_is_enough(log_database: Database, tmp_path: Path, end: str) -> None:
    file = fill(log_database, tmp_path)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(file.read_text().splitlines()[1] + end)
    tamper(log_database, "DELETE FROM checkpoint")
    report = found(log_database, kept)
    assert [chain.proven for chain in report.chains] == [LENGTH] * 3
    assert faults_of(report) == [CHECKPOINT, CHECKPOINT]  # it is not in the database, nor is the one before


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("DELETE FROM checkpoint WHERE number = 1", [CHECKPOINT]),
        ("DELETE FROM checkpoint WHERE number = 2", [CHECKPOINT]),
        ("UPDATE checkpoint SET line = 'none' WHERE number = 2", [CHECKPOINT] * 2),
        ("UPDATE checkpoint SET line = replace(line, '\"sequence\":12', '\"sequence\":11')", [CHECKPOINT]),
        ("UPDATE checkpoint SET number = 3 WHERE number = 2", [CHECKPOINT] * 2),
    ],
    ids=["delete the first", "delete the last", "no checkpoint", "change one", "renumber one"],
)
def test_what_is_done_to_the_database_shows_in_the_file(
    log_database: Database, tmp_path: Path, statement: str, faults: list[tuple[str, None, None]]
) -> None:
    file = fill(log_database, tmp_path)
    tamper(log_database, statement)
    report = found(log_database, file)
    assert faults_of(report) == faults
    assert [chain.proven for chain in report.chains] == [LENGTH] * 3


def test_a_last_checkpoint_that_was_taken_out_is_not_missed_without_the_file(
    log_database: Database, tmp_path: Path
) -> None:
    fill(log_database, tmp_path)
    tamper(log_database, "DELETE FROM checkpoint WHERE number = 2")
    report = found(log_database)
    assert report.is_sound
    assert [(chain.proven, chain.proven_by) for chain in report.chains] == [(LENGTH // 2, 1)] * 3


@pytest.mark.parametrize("key", [None, Ed25519PrivateKey.from_private_bytes(bytes(32))], ids=["unsigned", "other key"])
def test_checkpoints_that_the_given_key_did_not_sign_prove_nothing(
    log_database: Database, tmp_path: Path, key: Ed25519PrivateKey | None
) -> None:
    keep(log_database, tmp_path, NORTH, samples(3))
    CheckpointWriter(log_database, tmp_path / "file.jsonl", key).write()
    report = found(log_database)
    assert faults_of(report) == [CHECKPOINT]
    assert [chain.proven for chain in report.chains] == [0]


def test_unsigned_checkpoints_are_counted(log_database: Database, tmp_path: Path) -> None:
    keep(log_database, tmp_path, NORTH, samples(3))
    CheckpointWriter(log_database, tmp_path / "file.jsonl", None).write()
    report = verify_log(log_database, None, ())
    assert (report.is_sound, report.unsigned, report.chains[0].proven) == (True, 1, 3)


@pytest.mark.parametrize("change", [("number", 2), ("unchained", "0"), ("heads", None), ("more", 1), ("format", 2)])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_line_in_another_form_is_no_checkpoint_or_another_one(
    log_database: Database, tmp_path: Path, change: tuple[str, object]
) -> None:
    line = fill(log_database, tmp_path).read_text().splitlines()[0]
    name, value = change
    changed = json.dumps(json.loads(line) | {name: value}, separators=(",", ":"), sort_keys=True)
    if name == "number":
        assert read_checkpoint(changed).content.number == 2
        return
    with pytest.raises(BadCheckpoint):
        read_checkpoint(changed)
