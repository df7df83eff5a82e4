"""`magistrate log verify` says whether the log is as it was written, where it is not, and what it cannot show."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.cli import main
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database
from tests.service.decisions.chains import KEY, NORTH, fill, id_at, keep, tamper
from tests.service.decisions.records import samples


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    migrate(opened, "log")
    yield opened
    opened.close()


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    """The file of the key that signed the checkpoints."""
    file = tmp_path / "checkpoints.pub"
    file.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def verify(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["log", "verify", "--data", str(folder), *arguments])


def test_a_sound_log_says_what_is_proven(database: Database, tmp_path: Path, public_key: Path) -> None:
    file = fill(database, tmp_path)
    result = verify(tmp_path, "--checkpoints", str(file), "--public-key", str(public_key))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "sound",
        "  north: 12 records, the chain holds, checkpoint 2 proves 1 to 12",
        "  south: 12 records, the chain holds, checkpoint 2 proves 1 to 12",
        "  west: 12 records, the chain holds, checkpoint 2 proves 1 to 12",
    ]


def test_it_names_the_first_bad_record(database: Database, tmp_path: Path, public_key: Path) -> None:
    file, victim = fill(database, tmp_path), id_at(database, NORTH, 8)
    tamper(database, f"UPDATE decision SET code = 'NO_MATCH' WHERE id = '{victim}'")
    result = verify(tmp_path, "--checkpoints", str(file), "--public-key", str(public_key))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:3] == [
        "NOT AS IT WAS WRITTEN",
        "  north: 12 records, the chain holds to 7, checkpoint 1 proves 1 to 6",
        f"    first: changed north/8 decision {victim}: its column `code` does not say what its body says",
    ]


def test_without_key_and_file_it_says_what_would_not_show(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path)
    keep(database, tmp_path, NORTH, samples(1))
    result = verify(tmp_path)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith("note")] == [
        "note: no checkpoint has seen north from 13 on: that part is held by its own chain alone",
        "note: no --public-key is given: the signatures of the checkpoints were not checked",
        "note: no --checkpoints are given: that the last ones were taken out of the database would not show",
    ]


@pytest.mark.parametrize("beginning", [0, 100], ids=["empty", "half a line"])
def test_a_file_that_has_none_is_told(database: Database, tmp_path: Path, public_key: Path, beginning: int) -> None:
    file = fill(database, tmp_path)
    file.write_text(file.read_text()[:beginning])
    result = verify(tmp_path, "--checkpoints", str(file), "--public-key", str(public_key))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "note: the file of checkpoints has none: that the last ones were taken out of the database would not show",
    )


def test_json_has_the_same_for_programs(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path)
    victim = id_at(database, NORTH, 2)
    tamper(database, f"DELETE FROM decision WHERE id = '{victim}'", "DELETE FROM checkpoint")
    result = verify(tmp_path, "--output", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["chains"][0] == {
        "replica": "north",
        "records": 12,
        "holds_to": 1,
        "proven_to": 0,
        "proven_by": None,
        "expired": 0,
        "erased": 0,
        "faults": [
            {
                "kind": "removed",
                "replica": "north",
                "sequence": 2,
                "decision_id": victim,
                "text": "there is no such record",
            }
        ],
        "fault_count": 1,
    }
    assert found["not_shown"] == [
        "there is no checkpoint: a chain that was computed anew, cut at its end or dropped would not show"
    ]


def test_many_faults_are_counted_and_the_first_are_said(database: Database, tmp_path: Path) -> None:
    keep(database, tmp_path, NORTH, samples(130))
    tamper(database, "UPDATE decision SET duration_us = 1")
    (chain,) = json.loads(verify(tmp_path, "--output", "json").stdout)["chains"]
    assert (chain["fault_count"], len(chain["faults"]), chain["faults"][0]["sequence"]) == (130, 100, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--checkpoints", "absent.jsonl"), 2, "cannot read the checkpoints `absent.jsonl`"),
        (("--public-key", "absent.pem"), 2, "the public key `absent.pem` cannot be read"),
        (("--log-database", "sqlite:///absent/log.db"), 3, "cannot be opened"),
    ],
    ids=["no file", "no key", "no database"],
)
def test_what_it_cannot_read_is_no_finding(
    database: Database, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    fill(database, tmp_path)
    result = verify(tmp_path, *arguments)
    assert result.exit_code == code
    assert said in result.stderr
