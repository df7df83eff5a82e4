"""`magistrate log` shows the rules that decided, counts, writes CSV, and says where a limit ended it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from policy_lang.loading import load
from service.cli.log_stats import sparkline
from service.db.migration import migrate
from service.db.opening import open_database
from service.model import DecisionRecord, Flip
from service.policies.store import BundleStore, Pushed
from tests.service.cli.keeping_log import NEW, OLD, kept, log
from tests.service.decisions.chains import tamper
from tests.service.decisions.records import samples

POLICY = """module docs

principal type User {}
type Document { owner: User, level: int }
actions Document { read, edit }

template own(level: int): allow edit on Document to User when resource.owner == principal and resource.level > level

use editors_edit: own(level: 3)

# What follows is the other one.
rule mfa_for_secret: deny edit on Document
    when resource.level > 5  # secret
    reason "it is secret" code STEP_UP

rule other: allow read on Document to anyone
"""


def decided_by(policies: Path) -> DecisionRecord:
    """A record of a decision by the policies, which are kept in that folder."""
    policies.mkdir()
    (policies / "docs.policy").write_text(POLICY)
    return replace(OLD, policy_digest=load({"docs.policy": POLICY}).digest)


def test_show_quotes_the_rules_of_the_policies_that_decided(tmp_path: Path) -> None:
    settings = kept(tmp_path, decided_by(tmp_path / "policies"))
    lines = log(settings, "show", OLD.id, "--policies", str(tmp_path / "policies")).stdout.splitlines()
    first = lines.index("  rule       docs.editors_edit")
    assert lines[first : first + 12] == [
        "  rule       docs.editors_edit",
        "             at docs.policy:9",
        "               use editors_edit: own(level: 3)",
        "             which is",
        "               to User",
        "               when resource.owner == principal and resource.level > 3",
        "  rule       docs.mfa_for_secret",
        "             at docs.policy:12",
        "               rule mfa_for_secret: deny edit on Document",
        "                   when resource.level > 5  # secret",
        '                   reason "it is secret" code STEP_UP',
        "  missing    context.mfa (not_given)",
    ]
    assert not [line for line in lines if line.startswith("  note")]


def test_show_quotes_rules_of_the_store_and_of_no_other_policies(tmp_path: Path) -> None:
    record = decided_by(tmp_path / "policies")
    settings = kept(tmp_path, record)
    (tmp_path / "policies" / "docs.policy").write_text(POLICY + "\n")
    changed = ("show", OLD.id, "--policies", str(tmp_path / "policies"), "--output", "json")
    assert json.loads(log(settings, *changed).stdout)["rule_texts"] == {}
    facts = open_database(settings.database_url)
    migrate(facts, "facts")
    BundleStore(facts).put(Pushed(record.policy_digest, "User:zoe", 0, "", None), {"docs.policy": POLICY})
    facts.close()
    told = json.loads(log(settings, *changed).stdout)["rule_texts"]
    assert list(told) == ["docs.editors_edit", "docs.mfa_for_secret"]
    assert told["docs.mfa_for_secret"]["location"] == "docs.policy:12"


@pytest.mark.parametrize("opening", ["=", "+", "-", "@", "\t=", "\r="])
def test_csv_has_no_cell_that_a_spreadsheet_computes(tmp_path: Path, opening: str) -> None:
    settings = kept(tmp_path, replace(OLD, action=f"{opening}HYPERLINK(1)", request_id=f'{opening}cmd|"/c calc",2'))
    (row,) = csv.DictReader(log(settings, "query", "--output", "csv").stdout.splitlines())
    assert row["action"][:2] == "'" + (opening[0] if opening[0].isprintable() else "\N{REPLACEMENT CHARACTER}")
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert (row["decision_id"], row["principal"], row["effect"]) == (OLD.id, "User:alice", "deny")
    assert json.loads(row["inputs"]) == dict(OLD.inputs)


def test_stats_counts_over_time_and_names_rules_that_never_fired(tmp_path: Path) -> None:
    settings = kept(tmp_path, decided_by(tmp_path / "policies"), NEW)
    policies = ("--policies", str(tmp_path / "policies"))
    result = log(settings, "stats", "--since", "2026-01-05T00:00:00Z", "--until", "2026-01-07T00:00:00Z", *policies,
                 "--stretches", "4")  # fmt: skip
    lines = result.stdout.splitlines()
    assert lines[0] == "2026-01-05T00:00:00Z to 2026-01-07T00:00:00Z:        0 allowed        2 denied"
    assert lines[1:3] == ["  allowed        at most 0 in 12h", "  denied   █ █   at most 1 in 12h"]
    assert lines[lines.index("by principal") + 1] == "  User:alice         0 allowed        1 denied"
    assert lines[-1] == "  docs.other"
    told = json.loads(log(settings, "stats", "--since", "2026-01-05T00:00:00Z", *policies, "--output", "json").stdout)
    assert told["total"] == {"allowed": 0, "denied": 2}
    assert told["by_rule"][0] == {"name": "docs.editors_edit", "allowed": 0, "denied": 2}
    assert told["never_fired"]["rules"] == ["docs.other"]


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([0, 0], "  "), ([1, 0, 8], "▁ █"), ([1000, 1, 500], "█▁▄"), ([3], "█")]
)
def test_a_sparkline_shows_the_least_and_leaves_nothing_blank(values: list[int], bars: str) -> None:
    assert sparkline(values) == bars


def test_a_page_that_has_looked_far_says_where_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGISTRATE_LOG_READING__SCAN_RECORDS", "1000")
    first, second, *others = samples(1001)
    settings = kept(tmp_path, first, second, *others)
    looked = ("query", "--since", "2026-01-01T00:00:00Z", "--input", "context.device=d1")
    result = log(settings, *looked)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: over the limit `log_reading.scan_records`: 1000 records were looked at, back to 2026-01-05T10:00:00Z,"
        " and none fits",
        f"help: go on behind these with --after {second.id}",
    ]
    assert log(settings, *looked, "--after", second.id).exit_code == 0


def test_what_is_no_record_any_more_is_told_as_such(tmp_path: Path) -> None:
    settings = kept(tmp_path, OLD, NEW)
    database = open_database(settings.log_database_url)
    tamper(database, "UPDATE decision SET body = 'x'")
    database.close()
    for command in (["query"], ["show", OLD.id]):
        result = log(settings, *command)
        assert (result.exit_code, "`magistrate log verify` finds it" in result.stderr) == (3, True)


def test_query_needs_a_range_for_what_no_index_has(tmp_path: Path) -> None:
    result = log(kept(tmp_path), "query", "--input", "context.device=d1")
    assert result.exit_code == 2
    assert "since: required: no index has `context.device`" in result.stderr


def test_what_was_not_enforced_is_found_shown_and_counted(tmp_path: Path) -> None:
    settings = kept(tmp_path, replace(OLD, enforced=False), NEW)
    (found,) = json.loads(log(settings, "query", "--unenforced", "--effect", "deny", "--output", "json").stdout)
    assert (found["decision_id"], found["effect"], found["enforced"]) == (OLD.id, "deny", False)
    assert "  log-only   not enforced: a plain allow was answered" in log(settings, "show", OLD.id).stdout.splitlines()
    span = ("--since", "2026-01-05T00:00:00Z", "--until", "2026-01-07T00:00:00Z")
    said = log(settings, "stats", *span).stdout.splitlines()[1]
    assert said == "of these not enforced, but answered allow (log-only):        0 allowed        1 denied"
    told = json.loads(log(settings, "stats", *span, "--unenforced", "--output", "json").stdout)
    assert (told["total"], told["unenforced"]) == ({"allowed": 0, "denied": 1}, {"allowed": 0, "denied": 1})


def test_what_an_emergency_alone_allowed_is_found_and_said(tmp_path: Path) -> None:
    first, second, other = samples(3)
    settings = kept(tmp_path, replace(first, break_glass="g-1"), replace(second, break_glass="g-2"), other)
    for wanted, found in ((("--break-glass",), [second, first]), (("--break-glass", "g-1"), [first])):
        told = json.loads(log(settings, "query", "--output", "json", *wanted).stdout)
        assert [each["decision_id"] for each in told] == [each.id for each in found]
    shown = log(settings, "show", first.id).stdout.splitlines()
    assert "  break-glass  allowed by the emergency grant g-1 alone" in shown


def test_flips_are_counted_by_what_was_asked_and_by_which_rules(tmp_path: Path) -> None:
    tight, loose = Flip("f" * 64, Effect.DENY, "DENIED", ("docs.tight",)), Flip("f" * 64, Effect.ALLOW, "ALLOWED", ())
    first, second, third, fourth = samples(4)
    settings = kept(
        tmp_path, replace(first, effect=Effect.ALLOW, flip=tight), replace(second, flip=loose),
        replace(third, effect=Effect.ALLOW, flip=tight), fourth,
    )  # fmt: skip
    assert log(settings, "flips").stdout.splitlines() == [
        f"3 decided otherwise by {'f' * 12}",
        "         2  now denied: edit Document by docs.tight",
        f"            such as {third.id} {first.id}",
        "         1  now allowed: edit Document by docs.editors_edit, docs.mfa_for_secret",
        f"            such as {second.id}",
    ]
    newest = log(settings, "flips", "--limit", "2")
    assert newest.stdout.splitlines()[0] == f"2 decided otherwise by {'f' * 12}"
    assert newest.stderr == "note: there may be older ones than these; --limit takes more, --until others\n"
    assert log(settings, "flips", "--limit", "3").stderr == ""
    (told,) = json.loads(log(settings, "flips", "--flips", "now_allowed", "--output", "json").stdout)
    assert (told["direction"], told["count"], told["examples"]) == ("now_allowed", 1, [second.id])
    shown = log(settings, "show", first.id).stdout.splitlines()
    assert f"  candidate  deny DENIED (docs.tight) by the policies {'f' * 64}" in shown
