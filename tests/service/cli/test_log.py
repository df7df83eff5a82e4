"""`magistrate log` finds what was decided and says it in words, and tells "not there" from "cannot know"."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from service.config import Settings
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.model import RecordKind
from tests.service.beside import beside
from tests.service.cli.keeping_log import NEW, OLD, keep, log
from tests.service.decisions.records import sample


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = open_database(settings.log_database_url)
    migrate(opened, "log")
    yield opened
    opened.close()


def ship(settings: Settings, database: Database) -> None:
    Shipper(settings.spool_folder, database).ship()


def test_query_lists_the_newest_first(settings: Settings, database: Database) -> None:
    keep(settings, OLD, NEW)
    ship(settings, database)
    result = log(settings, "query")
    assert result.exit_code == 0
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["time", "decision", "effect", "code", "principal", "action", "resource", "rules", "caller"]
    assert first.split()[:7] == ["2026-01-06T10:00:00Z", NEW.id, "deny", "STEP_UP", "User:bob", "edit", "Document:d1"]
    assert second.split()[4] == "User:alice"


@pytest.mark.parametrize(
    "options",
    [
        ("--principal", "User:bob"),
        ("--since", "2026-01-06T00:00:00Z"),
        ("--principal", "User:bob", "--until", "1ms", "--effect", "deny", "--code", "STEP_UP", "--action", "edit"),
        ("--principal", "User:bob", "--tenant", "Tenant:t1", "--caller", "magistrate.Service:documents"),
        ("--principal", "User:bob", "--rule", "docs.mfa_for_secret", "--resource", "Document:d1"),
        ("--principal", "User:bob", "--request-id", "r-1", "--policy-digest", "sha256:00ff"),
        ("--principal", "User:bob", "--resource-type", "Document", "--missing", "context.mfa", "--peer", "203.0.113.9"),
        ("--principal", "User:bob", "--resource-prefix", "Document:d", "--credential", "t-7"),
        ("--principal", "User:bob", "--trace-id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("--since", "2026-01-06T00:00:00Z", "--input", "resource.owner=User:bob", "--input", "resource.labels=b"),
    ],
    ids=lambda options: " ".join(options[::2]),
)
def test_query_narrows_by_its_filters(settings: Settings, database: Database, options: tuple[str, ...]) -> None:
    keep(settings, OLD, NEW)
    ship(settings, database)
    result = log(settings, "query", *options, "--output", "json")
    assert [found["decision_id"] for found in json.loads(result.stdout)] == [NEW.id]


def test_the_next_page_is_named(settings: Settings, database: Database) -> None:
    keep(settings, OLD, NEW)
    ship(settings, database)
    first = log(settings, "query", "--limit", "1", "--output", "jsonl")
    assert [json.loads(line)["decision_id"] for line in first.stdout.splitlines()] == [NEW.id]
    after = first.stderr.split()[-1]
    second = log(settings, "query", "--limit", "1", "--after", after, "--output", "jsonl")
    assert [json.loads(line)["decision_id"] for line in second.stdout.splitlines()] == [OLD.id]
    assert second.stderr == ""


def test_json_has_every_field_in_the_words_of_the_contract(settings: Settings, database: Database) -> None:
    keep(settings, OLD)
    ship(settings, database)
    assert json.loads(log(settings, "show", OLD.id, "--output", "json").stdout) == {
        "decision_id": OLD.id,
        "kind": "decision",
        "time": "2026-01-05T10:00:00Z",
        "request_id": "r-1",
        "caller": {"type": "magistrate.Service", "id": "documents"},
        "principal": {"type": "User", "id": "alice"},
        "action": "edit",
        "resource": {"type": "Document", "id": "d1"},
        "tenant": {"type": "Tenant", "id": "t1"},
        "effect": "deny",
        "code": "STEP_UP",
        "rules": ["docs.editors_edit", "docs.mfa_for_secret"],
        "missing": [{"path": "context.mfa", "cause": "not_given"}],
        "obligations": [{"type": "notify", "parameters": {"channel": "mail", "times": 2}}],
        "hide": True,
        "shadow_effect": "allow",
        "inputs": {"principal.clearance": 2, "resource.labels": ["a", "b"], "resource.owner": "User:bob"},
        "policy_digest": "sha256:00ff",
        "revision": "7d1f.42",
        "duration_us": 118,
        "tzdata": "2026.6",
        "peer": "203.0.113.9",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "caller_evidence": {"kind": "token", "issuer": "https://idp.example", "credential": "t-7"},
        "principal_evidence": {"kind": "asserted", "issuer": "", "credential": ""},
        "masked": [
            {"path": "principal.salary", "how": "sensitive"},
            {"path": "resource.title", "how": "truncated"},
        ],
        "found_by": ["resource.labels", "resource.owner"],
        "enforced": True,
        "break_glass": None,
        "candidate": None,
        "rule_texts": {},
    }


def test_show_says_it_in_words(settings: Settings, database: Database) -> None:
    keep(settings, OLD)
    ship(settings, database)
    result = log(settings, "show", OLD.id)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "deny  STEP_UP",
        "  2026-01-05T10:00:00Z: magistrate.Service:documents asked whether User:alice may edit Document:d1"
        " of Tenant:t1",
        "  because    of the rule that this code belongs to",
        "  rule       docs.editors_edit",
        "  rule       docs.mfa_for_secret",
        "  missing    context.mfa (not_given)",
        "  oblige     notify(channel: mail, times: 2)",
        "  input      principal.clearance = 2",
        '  input      resource.labels = ["a","b"]',
        "  input      resource.owner = User:bob",
        "  masked     principal.salary (sensitive)",
        "  masked     resource.title (truncated)",
        "  hide       answer `not found`",
        "  shadow     allow, had every shadow rule been live",
        "  policies   sha256:00ff",
        "  revision   7d1f.42",
        "  tzdata     2026.6",
        "  request    r-1",
        "  trace      4bf92f3577b34da6a3ce929d0e0e4736",
        "  from       203.0.113.9",
        "  caller     known by token of https://idp.example, t-7",
        "  principal  known by asserted",
        f"  decision   {OLD.id}, taken in 118 µs",
        "  note       the text of these policies is not at hand: give them with --policies DIR",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("CHECK_AS", "the caller lacks `check_as`, so nothing was decided"),
        ("PRINCIPAL_TOKEN", "the principal_token did not verify, so nothing was decided"),
    ],
)
def test_show_tells_a_refusal_from_a_decision(settings: Settings, database: Database, code: str, words: str) -> None:
    refusal = replace(sample(), kind=RecordKind.REFUSAL, code=code, effect=Effect.DENY)
    keep(settings, refusal)
    ship(settings, database)
    assert f"  because    {words}" in log(settings, "show", refusal.id).stdout.splitlines()


def test_what_a_record_holds_does_not_steer_the_terminal(settings: Settings, database: Database) -> None:
    record = replace(sample(), action="\x1b[31m[bold]edit", request_id="")
    keep(settings, record)
    ship(settings, database)
    shown = log(settings, "show", record.id).stdout + log(settings, "query").stdout
    assert "\x1b" not in shown
    assert shown.count("[31m[bold]edit") == 2


def test_what_is_not_in_the_log_is_not_found(settings: Settings, database: Database) -> None:
    for id_ in (sample().id, "nothing"):
        result = log(settings, "show", id_)
        assert result.exit_code == 1
        assert f"there is no decision `{id_}`" in result.stderr


def test_wait_finds_what_is_still_in_the_spool(settings: Settings, database: Database) -> None:
    keep(settings, OLD)
    assert log(settings, "show", OLD.id).exit_code == 1
    with beside(Shipper(settings.spool_folder, database).run):
        waited = log(settings, "show", OLD.id, "--wait"), log(settings, "query", "--wait", "--output", "jsonl")
    assert [result.exit_code for result in waited] == [0, 0]
    assert OLD.id in waited[1].stdout


def test_wait_gives_up_where_nobody_ships(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.log_opening.WAIT_SECONDS", 0.01)
    keep(settings, OLD)
    result = log(settings, "query", "--wait")
    assert result.exit_code == 3
    assert "help: `magistrate serve` ships them" in result.stderr


def test_a_log_that_is_not_there_is_unavailable(settings: Settings) -> None:
    result = log(settings, "query")
    assert result.exit_code == 3
    assert result.stderr.startswith("error: the database")


@pytest.mark.parametrize(
    "options",
    [
        ("--principal", "alice"),
        ("--resource", "Document:"),
        ("--since", "yesterday"),
        ("--effect", "maybe"),
        ("--limit", "0"),
        ("--after", "7"),
        ("--resource-type", "A", "--resource-prefix", "B:x"),
        ("--input", "no value"),
        ("--follow", "--output", "json"),
        ("--since", "1h", "--until", "2h"),
        ("--server", "127.0.0.1:1", "--wait", "--token", "x"),
    ],
    ids=lambda options: options[0],
)
def test_a_filter_that_means_nothing_is_a_usage_error(settings: Settings, options: tuple[str, ...]) -> None:
    assert log(settings, "query", *options).exit_code == 2
