"""`magistrate db` migrates both databases and says how they stand."""

from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from policy_lang.types import Json
from service.cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["db", *arguments])


def states(result: Result) -> list[tuple[Json, Json]]:
    return [(row["kind"], row["state"]) for row in orjson.loads(result.stdout)]


def test_status_shows_what_is_absent_and_makes_nothing(tmp_path: Path) -> None:
    result = run("status", "--data", str(tmp_path), "--output", "json")
    assert result.exit_code == 1
    assert states(result) == [("facts", "absent"), ("log", "absent")]
    assert list(tmp_path.iterdir()) == []


def test_migrate_brings_both_to_this_version_and_may_be_repeated(empty_url: str, tmp_path: Path) -> None:
    both = ("--database", empty_url, "--log-database", empty_url, "--data", str(tmp_path))
    for _ in range(2):
        assert states(run("migrate", *both, "--output", "json")) == [("facts", "current"), ("log", "current")]
    result = run("status", *both)
    assert result.exit_code == 0
    assert "current" in result.stdout


def test_a_server_that_does_not_answer_is_exit_code_three(tmp_path: Path) -> None:
    result = run("status", "--database", "postgresql://u:hunter2@127.0.0.1:1/x", "--data", str(tmp_path))
    assert result.exit_code == 3
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output


def test_a_restore_begins_a_new_epoch(database_url: str, tmp_path: Path) -> None:
    where = ("--database", database_url, "--log-database", database_url, "--data", str(tmp_path))
    run("migrate", *where)
    revisions = []
    for _ in range(2):
        (row,) = orjson.loads(run("restore-done", *where, "--output", "json").stdout)
        revisions.append(row["revision"].split("."))
    assert revisions[0][0] != revisions[1][0]
    assert [number for _, number in revisions] == ["1", "2"]
