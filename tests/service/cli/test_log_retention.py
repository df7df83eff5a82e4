"""`magistrate log hold`, `expire` and `erase` do what they say, record it, and leave a log that verifies."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import Connection, Engine, event

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.cli import main
from service.cli.operator import operator
from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_partitions import DAY_MS
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.retention.holds import Hold, hold_fields
from service.decisions.retention.lost_holds import HOLD, LIFT, find_lost_holds
from service.decisions.spool import Spool
from service.model import DecisionRecord
from tests.service.decisions.chains import KEY, NORTH, tamper
from tests.service.decisions.records import sample
from tests.service.decisions.retention.aged import NOW, aged, fill

SETTINGS = """
checkpoint_key = "key.pem"
[retention]
default = "365d"
rules = [{ effect = "allow", keep = "30d" }]
"""
EVE = Ref("User", "eve")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, a key and what verifies it."""
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    (tmp_path / "key.pub").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "magistrate.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{folder / 'data' / 'log.db'}")
    migrate(opened, "log")
    yield opened
    opened.close()


def log(*arguments: str) -> Result:
    where = ("--data", "data", "--config", "magistrate.toml")
    return CliRunner().invoke(main, ["log", *arguments, *where], catch_exceptions=False)


def acts(database: Database, action: str) -> list[tuple[str, str, str]]:
    """What is recorded of an act: by whom, on what, why."""
    page = DecisionLog(database).query(LogFilter(action=f"magistrate.{action}"), 10)
    return [(str(each.caller), str(each.resource), str(each.inputs["reason"])) for each in page.records]


def test_what_would_expire_is_told_and_then_expires(database: Database, tmp_path: Path) -> None:
    records = [aged(days, effect) for days, effect in ((400, Effect.DENY), (40, Effect.ALLOW), (45, Effect.ALLOW))]
    fill(database, tmp_path, NORTH, [*records, aged(41, Effect.ALLOW, tenant="t2"), sample()])
    assert log("hold", "add", "case-7", "--tenant", "Tenant:t2", "--reason", "a suit").exit_code == 0
    foreseen = json.loads(log("expire", "--dry-run", "--output", "json").stdout)
    assert [(row["records"], row["kept"], row["expired"], row["held"]) for row in foreseen] == [
        ("allow of all", "30d", 2, 1),
        ("deny of all", "365d", 1, 0),
    ]
    result = log("expire")
    assert (result.exit_code, result.stdout) == (0, "3 records expired, under 2 notes\n")
    who = str(operator().principal.ref)
    assert acts(database, "log.expire") == [
        (who, "note:2", "deny of all, kept 365d"),
        (who, "note:1", "allow of all, kept 30d"),
    ]
    assert "north: 5 records, 3 expired, the chain holds" in log("verify", "--public-key", "key.pub").stdout


def test_without_retention_nothing_expires(database: Database, folder: Path) -> None:
    fill(database, folder, NORTH, [aged(10_000)])
    (folder / "magistrate.toml").write_text("")
    assert log("expire", "--dry-run", "--output", "json").stdout == "[]\n"
    assert log("expire").stdout == "0 records expired, under 0 notes\n"


def test_an_erasure_waits_for_the_spool_and_verifies_under_its_note(database: Database, folder: Path) -> None:
    fill(database, folder, NORTH, [replace(sample(), principal=EVE), sample()])
    spool = Spool(folder / "data/spool/local", SpoolSettings())
    spool.record([replace(sample(), caller=EVE)])
    spool.close()
    assert log("erase", "--principal", "User:eve", "--reason", "request 114", "--dry-run").stdout == (
        "2 records of User:eve would be erased\n"
    )
    result = log("erase", "--principal", "User:eve", "--reason", "request 114")
    assert (result.exit_code, result.stdout) == (0, "2 records erased under notes 1, 2\n")
    who = str(operator().principal.ref)
    assert acts(database, "log.erase") == [(who, "note:2", "request 114"), (who, "note:1", "request 114")]
    lines = log("verify", "--public-key", "key.pub").stdout.splitlines()
    assert lines[0] == "sound"
    assert "  north: 2 records, 1 erased, the chain holds, no checkpoint" in lines
    assert any(line.startswith("  note 1: 1 erased ") and line.endswith(f" by {who}: request 114") for line in lines)


def test_held_records_are_refused_by_name(database: Database, folder: Path) -> None:
    fill(database, folder, NORTH, [replace(sample(), principal=EVE)])
    log("hold", "add", "case-7", "--principal", "User:eve", "--reason", "a suit")
    result = log("erase", "--principal", "User:eve", "--reason", "request 114")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: records of `User:eve` are held by `case-7` (a suit): none is erased\n")
    assert log("hold", "lift", "case-7", "--reason", "settled").stdout == "lifted: case-7\n"
    # The records of the hold name her too, for they are about her.
    assert (
        log("erase", "--principal", "User:eve", "--reason", "request 114").stdout
        == "3 records erased under notes 1, 2\n"
    )


def test_holds_are_listed_and_recorded(database: Database) -> None:
    held = ("--resource", "Document:d1", "--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z")
    assert log("hold", "add", "case-7", *held, "--reason", "a suit").stdout == "held: case-7\n"
    (row,) = json.loads(log("hold", "list", "--output", "json").stdout)
    who = str(operator().principal.ref)
    assert {name: row[name] for name in row if name != "placed_at"} == {
        "name": "case-7",
        "principal": None,
        "resource": "Document:d1",
        "tenant": None,
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-02-01T00:00:00Z",
        "reason": "a suit",
        "placed_by": who,
    }
    log("hold", "lift", "case-7", "--reason", "settled")
    assert acts(database, "log.hold") == [(who, "Document:d1", "a suit")]
    assert acts(database, "log.lift") == [(who, "Document:d1", "settled")]
    assert log("hold", "list", "--output", "json").stdout == "[]\n"


def test_a_hold_that_was_taken_away_or_changed_is_named_by_who_verifies(database: Database) -> None:
    for name in ("case-6", "case-7", "case-8", "case-9"):
        log("hold", "add", name, "--principal", "User:eve", "--reason", "a suit")
    log("hold", "lift", "case-7", "--reason", "settled")
    tamper(
        database,
        "DELETE FROM log_hold WHERE name = 'case-6'",
        "UPDATE log_hold SET principal_id = 'eva' WHERE name = 'case-9'",
    )
    lines = log("verify", "--public-key", "key.pub").stdout.splitlines()
    lost = [line for line in lines if line.startswith("note: the hold ")]
    assert [line.split("`")[1] for line in lost] == ["case-6", "case-9"]
    assert f" by {operator().principal.ref}, is gone or changed, and no record says that it was lifted" in lost[0]


def test_a_lift_is_in_the_log_before_its_hold_goes(database: Database) -> None:
    log("hold", "add", "case-7", "--principal", "User:eve", "--reason", "a suit")
    before: list[list[tuple[str, str, str]]] = []

    def look(_c: Connection, _r: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM log_hold"):
            before.append(acts(database, "log.lift"))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        assert log("hold", "lift", "case-7", "--reason", "settled").exit_code == 0
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    assert before == [[(str(operator().principal.ref), "User:eve", "settled")]]


def test_a_lift_counts_by_whichever_clock_it_was_recorded(database: Database, tmp_path: Path) -> None:
    first, second = (Hold("case-7", "a suit", "operator:bob", NOW + placed, principal=EVE) for placed in (0, 1))
    acts = [(0, LIFT, replace(first, reason="settled")), (300_000, HOLD, first), (600_000, HOLD, second)]
    fill(database, tmp_path, NORTH, [_act(*each) for each in acts])
    assert [lost.placed_at for lost in find_lost_holds(database)] == ["2026-01-05T10:00:00.001Z"]
    fill(database, tmp_path, NORTH, [_act(100_000, LIFT, replace(second, reason="settled"))])
    assert find_lost_holds(database) == ()


def _act(ahead: int, action: str, hold: Hold) -> DecisionRecord:
    """A record under an id that is so many milliseconds ahead."""
    return replace(aged(-ahead / DAY_MS), action=action, inputs=hold_fields(hold))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hold", "add", "all", "--reason", "a suit"), "error: a hold says what it holds"),
        (("hold", "lift", "none", "--reason", "settled"), "error: there is no hold `none`"),
    ],
    ids=["holds nothing", "no such hold"],
)
def test_what_cannot_be_held_or_lifted_is_refused_and_not_recorded(
    database: Database, arguments: tuple[str, ...], said: str
) -> None:
    result = log(*arguments)
    assert (result.exit_code, result.stderr.startswith(said)) == (1, True)
    assert DecisionLog(database).query(LogFilter(), 10).records == ()
