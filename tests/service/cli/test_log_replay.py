"""`magistrate log replay` decides recorded decisions anew; so does `policy diff --against-log`."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.cli import main
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.model import DecisionRecord, Masked, Masking, RecordKind
from service.policies.folder import load_bundle, read_texts
from service.policies.store import BundleStore, Pushed
from tests.service.decisions.records import sample

DECLARED = """module m
principal type User { level: int, salary: int? sensitive }
type Document {}
actions Document { read }
role reader {}
role owner {}
"""
POLICY = f"{DECLARED}rule r: allow read on Document to role reader when principal.level > 1\n"
STRICTER = POLICY.replace("> 1", "> 2")
PAID = POLICY.replace("> 1", "> 1 and (principal.salary ?? 0) < 5")
OWNED = POLICY.replace("to role reader", "to role reader, role owner")


def written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "a.policy").write_text(text)
    return folder


def decided(by: Path, level: int, *, holds: bool = True) -> DecisionRecord:
    """A decision by the policies in the folder, of a principal of that level that holds the role, or no role."""
    is_allowed = holds and level > 1
    return replace(
        sample(),
        id=str(uuid7()),
        principal=Ref("User", "ann"),
        action="read",
        resource=Ref("Document", "d"),
        effect=Effect.ALLOW if is_allowed else Effect.DENY,
        code="ALLOWED" if is_allowed else "NO_MATCH",
        rules=("m.r",) if is_allowed else (),
        obligations=(),
        hide=False,
        inputs={
            "principal.level": level,
            "parents": {"User:ann": []},
            "assignments": [["User:ann", "m.reader", None, None]] if holds else [],
        },
        policy_digest=load_bundle(by).digest,
    )


@pytest.fixture
def former(tmp_path: Path) -> Path:
    return written(tmp_path / "former", POLICY)


@pytest.fixture
def settings(tmp_path: Path, former: Path) -> Settings:
    """A service with a log of eight records: six decisions, a refusal and an act."""
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    database = open_database(settings.log_database_url)
    migrate(database, "log")
    refusal = replace(sample(), id=str(uuid7()), kind=RecordKind.REFUSAL, effect=Effect.DENY, code="CHECK_AS")
    act = replace(decided(former, 2), id=str(uuid7()), action="magistrate.policy.push", policy_digest="")
    database.close()
    decisions = [decided(former, level) for level in (1, 2, 2, 3, 3)]
    keep(settings, *decisions, decided(former, 3, holds=False), refusal, act)
    return settings


def keep(settings: Settings, *records: DecisionRecord) -> None:
    """Puts the records into the log."""
    database = open_database(settings.log_database_url)
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record(records)
    spool.close()
    Shipper(settings.spool_folder, database).ship()
    database.close()


def run(settings: Settings, *arguments: Path | str) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--data", str(settings.data)])


def replayed(settings: Settings, folder: Path, *options: Path | str) -> dict[str, object]:
    result = run(settings, "log", "replay", "--policies", folder, "--output", "json", *options)
    assert result.exit_code == 0, result.output
    report = orjson.loads(result.stdout)
    assert isinstance(report, dict)
    return report


NOT_DECIDED = {"a refusal, on which no rule was asked": 1, "an act on the service itself": 1}


def test_the_policies_of_the_record_give_what_was_recorded(settings: Settings, former: Path) -> None:
    assert replayed(settings, former) == {"total": 8, "alike": 6, "flips": [], "not_replayable": NOT_DECIDED}


def test_flips_are_told_by_the_rules_that_make_them_with_examples(settings: Settings, tmp_path: Path) -> None:
    result = run(settings, "log", "replay", "--policies", written(tmp_path / "new", STRICTER))
    lines = result.stdout.splitlines()
    assert lines[:2] == ["recorded: 8 in the log, 2 decided differently", "  now denied, by m.r: 2"]
    assert [line.split()[1:6] for line in lines[2:4]] == 2 * [["User:ann", "read", "Document:d", "allow", "ALLOWED"]]
    assert "  not replayable (a refusal, on which no rule was asked): 1" in lines


def test_what_is_kept_out_of_the_record_is_masked_and_counted(settings: Settings, tmp_path: Path, former: Path) -> None:
    report = replayed(settings, written(tmp_path / "new", PAID), "--former", former)
    assert (report["alike"], report["flips"]) == (2, [])
    assert report["not_replayable"] == NOT_DECIDED | {"masked: principal.salary": 4}


def test_what_settings_masked_counts_for_nothing_though_it_has_a_value(settings: Settings, former: Path) -> None:
    hashed = replace(decided(former, 2), masked=(Masked("principal.level", Masking.HASHED),))
    keep(settings, hashed)
    report = replayed(settings, former)
    assert report["not_replayable"] == NOT_DECIDED | {"masked: principal.level": 1}


def test_a_role_that_nobody_held_counts_where_the_former_policies_are_at_hand(
    settings: Settings, tmp_path: Path, former: Path
) -> None:
    owned = written(tmp_path / "new", OWNED)
    unknown = replayed(settings, owned)
    assert (unknown["alike"], unknown["not_replayable"]) == (
        5,
        NOT_DECIDED | {"the roles held globally is not in the record": 1},
    )
    assert replayed(settings, owned, "--former", former)["alike"] == 6


def test_policies_that_were_pushed_are_at_hand(settings: Settings, tmp_path: Path, former: Path) -> None:
    facts = open_database(settings.database_url)
    migrate(facts, "facts")
    digest = load_bundle(former).digest
    BundleStore(facts).put(Pushed(digest, "Service:ci", 0, "", None), read_texts(former))
    facts.close()
    assert replayed(settings, written(tmp_path / "new", OWNED))["alike"] == 6


def test_the_newest_records_are_taken(settings: Settings, former: Path) -> None:
    assert replayed(settings, former, "--limit", "3")["total"] == 3


def test_only_what_is_asked_for_is_decided_again(settings: Settings, former: Path) -> None:
    report = replayed(settings, former, "--effect", "allow", "--rule", "m.r", "--until", "2100-01-01T00:00:00Z")
    assert (report["total"], report["alike"]) == (5, 4)  # the act too says that rule, in this log


@pytest.mark.parametrize(("text", "code"), [(POLICY, 0), (STRICTER, 1)], ids=["alike", "flips"])
def test_the_exit_code_says_whether_something_flips(settings: Settings, tmp_path: Path, text: str, code: int) -> None:
    folder = written(tmp_path / "new", text)
    assert run(settings, "log", "replay", "--policies", folder, "--exit-code").exit_code == code


def test_without_a_log_it_says_so(settings: Settings, tmp_path: Path, former: Path) -> None:
    other = Settings(data=tmp_path / "other")
    result = run(other, "log", "replay", "--policies", former)
    assert (result.exit_code, result.stderr.startswith("error: ")) == (3, True)


def test_a_diff_reads_the_log_where_no_file_is_named(settings: Settings, tmp_path: Path, former: Path) -> None:
    new = written(tmp_path / "new", STRICTER)
    result = run(settings, "policy", "diff", former, new, "--output", "json", "--against-log")
    report = orjson.loads(result.stdout)["recorded"]
    assert (report["total"], report["alike"], report["flips"][0]["count"]) == (8, 4, 2)


def test_a_folder_after_against_log_is_no_log(settings: Settings, tmp_path: Path, former: Path) -> None:
    result = run(settings, "policy", "diff", "--against-log", former, written(tmp_path / "new", STRICTER))
    assert (result.exit_code, "write it last" in result.stderr) == (2, True)
