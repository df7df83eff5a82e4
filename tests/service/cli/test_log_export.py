"""`magistrate log export` writes what `magistrate log verify --export` proves without the database."""

import json
from pathlib import Path

import pytest

from service.cli.operator import operator
from service.db.engine import Database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from tests.service.cli.test_log_retention import database, folder, log
from tests.service.decisions.exporting.exports import fill

__all__ = ["database", "folder"]


def test_an_export_is_recorded_and_verified_by_the_public_key_alone(database: Database, folder: Path) -> None:
    fill(database, folder)
    result = log("export", "--to", "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("exported 27 records of 3 chains to `out`, SHA-256 ")
    (act,) = DecisionLog(database).query(LogFilter(action="magistrate.log.export"), 10).records
    assert (act.caller, act.inputs) == (operator().principal.ref, {})
    (folder / "data" / "log.db").rename(folder / "gone.db")
    verified = log("verify", "--export", "out", "--public-key", "key.pub")
    assert verified.exit_code == 0
    lines = verified.stdout.splitlines()
    assert lines[0] == "sound"
    assert lines[1].startswith("  27 records, exported 20")
    assert lines[1].endswith(f" by {operator().principal.ref}; signed by the given key")
    assert lines[2] == "  north: 9 records at 1 to 9, checkpoints up to 2 prove 6"
    assert lines[5] == "note: no checkpoint has seen 3 records of north: the manifest and its own chain hold them"


def test_a_filtered_export_says_what_is_not_proven(database: Database, folder: Path) -> None:
    fill(database, folder)
    log("export", "--to", "bob.jsonl", "--principal", "User:bob", "--wait")
    found = json.loads(log("verify", "--export", "bob.jsonl", "--key", "key.pub", "--output", "json").stdout)
    assert (found["is_sound"], found["is_signed"], found["asked"]) == (True, True, {"principal": "User:bob"})
    assert found["chains"][0] == {
        "replica": "north",
        "first": 3,
        "last": 9,
        "records": 3,
        "proven": 2,
        "proven_by": 2,
        "not_asked_for": 0,
        "expired": 0,
        "erased": 0,
        "faults": [],
        "fault_count": 0,
    }
    said = 'it was filtered by {"principal":"User:bob"}: that no other record fits is not proven'
    assert any(limit.startswith(said) for limit in found["not_shown"])


def test_a_changed_export_ends_with_a_finding(database: Database, folder: Path) -> None:
    fill(database, folder)
    log("export", "--to", "out.jsonl")
    file = folder / "out.jsonl"
    file.write_text(file.read_text().replace('"effect":"deny"', '"effect":"allow"', 1))
    verified = log("verify", "--export", "out.jsonl", "--key", "key.pub")
    assert verified.exit_code == 1
    assert verified.stdout.startswith("NOT AS IT WAS WRITTEN\n")
    assert (
        "broken north/1: it does not follow from the one before: changed, moved, or put in between" in verified.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("verify", "--export", "none"), 2, "cannot read the export `none`"),
        (("verify", "--export", "none", "--checkpoints", "some"), 2, "--checkpoints are for the log"),
        (("export", "--to", "data"), 0, ""),
        (("export", "--to", "key.pem"), 2, "`key.pem` is there already"),
    ],
    ids=["no export", "two things", "a folder that is there", "a file"],
)
def test_what_cannot_be_meant_is_usage(database: Database, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = log(*arguments)
    assert (result.exit_code, said in result.stderr) == (code, True)
