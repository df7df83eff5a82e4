"""`magistrate policy diff` shows people and programs what changes, and its exit code says whether anything does."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.cli import main
from service.cli.log_report import records_jsonl
from service.model import DecisionRecord, RecordKind
from service.policies.folder import load_bundle
from tests.service.decisions.records import sample

POLICY = """module m
principal type User { level: int }
type Document {}
actions Document { read }
rule r: allow read on Document to User when principal.level > 1
"""
STRICTER = POLICY.replace("> 1", "> 2")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("old", POLICY), ("new", STRICTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.policy").write_text(text)
    return tmp_path / "old", tmp_path / "new"


def diff(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["policy", "diff", *map(str, arguments)])


def test_a_person_reads_the_rule_the_decision_and_a_test_to_paste(folders: tuple[Path, Path]) -> None:
    result = diff(*folders)
    assert result.exit_code == 0
    assert result.stdout == (
        "changed rule m.r (a.policy:5)\n"
        "    rule m.r: allow read on Document\n"
        "      to User\n"
        "  -   when principal.level > 1\n"
        "  +   when principal.level > 2\n"
        "\n"
        "decisions: 1 kind of question decided by other rules\n"
        "  now denied, by m.r: User read Document\n"
        "  searched to the end: every combination of the values worth trying\n"
        "\n"
        'test "User read Document: now denied" {\n'
        '  principal User "user" { level: 2 }\n'
        '  resource Document "document" {}\n'
        "  context { now: 2026-01-05T10:00:00Z }\n"
        "  expect deny read code NO_MATCH\n"
        "}\n"
        "\n"
    )


def test_a_program_is_told_the_same(folders: tuple[Path, Path]) -> None:
    report = orjson.loads(diff(*folders, "--output", "json").stdout)
    (change,), (searched,) = report["changes"], report["searched"]
    (witness,) = searched["witnesses"]
    assert (change["kind"], change["name"], change["change"]) == ("rule", "m.r", "changed")
    assert change["after"][-1] == "  when principal.level > 2"
    assert (searched["principal"], searched["exhaustive"], searched["rules"]) == ("User", True, ["m.r"])
    assert (witness["what"], witness["old"]["effect"], witness["new"]["code"]) == ("now denied", "allow", "NO_MATCH")
    assert report["recorded"] is None


@pytest.mark.parametrize(("new", "code"), [("new", 1), ("old", 0)])
def test_the_exit_code_says_whether_something_changes(folders: tuple[Path, Path], new: str, code: int) -> None:
    assert diff(folders[0], folders[0].parent / new, "--exit-code").exit_code == code


def test_nothing_is_searched_with_a_limit_of_nothing(folders: tuple[Path, Path]) -> None:
    assert orjson.loads(diff(*folders, "--limit", "0", "--output", "json").stdout)["searched"] == []


def test_a_search_that_is_not_over_says_so(folders: tuple[Path, Path]) -> None:
    lines = diff(*folders, "--limit", "1").stdout.splitlines()
    assert "  no request was found that is decided differently" in lines
    assert "  not searched to the end, see `--limit`: User read Document, after 1 steps" in lines


def test_what_is_no_folder_is_said_to_be_the_services(folders: tuple[Path, Path]) -> None:
    result = diff("active", folders[1])
    assert (result.exit_code, result.stderr) == (
        2,
        "error: no policy folder at `active`\n"
        "help: what was pushed, and what is in force, the service compares: say with --server where it is\n",
    )


def recorded(folder: Path, level: int) -> DecisionRecord:
    """A decision by the policies in the folder."""
    effect, code = (Effect.ALLOW, "ALLOWED") if level > 1 else (Effect.DENY, "NO_MATCH")
    return replace(
        sample(), principal=Ref("User", "ann"), action="read", resource=Ref("Document", "d"), effect=effect, code=code,
        inputs={"principal.level": level}, policy_digest=load_bundle(folder).digest,
    )  # fmt: skip


def test_recorded_decisions_are_decided_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    records = [recorded(folders[0], level) for level in (1, 2, 2, 3)]
    refusal = replace(sample(), kind=RecordKind.REFUSAL, effect=Effect.DENY, code="CHECK_AS", inputs={})
    log = tmp_path / "decisions.jsonl"
    log.write_text(records_jsonl([*records, refusal]))
    report = orjson.loads(diff(*folders, "--against-log", log, "--output", "json").stdout)["recorded"]
    assert (report["total"], report["alike"]) == (5, 2)
    assert report["flips"] == [
        {"what": "now denied", "rules": ["m.r"], "count": 2, "examples": [each.id for each in records[1:3]]}
    ]
    assert report["not_replayable"] == {"a refusal, on which no rule was asked": 1}
    lines = diff(*folders, "--against-log", log).stdout.splitlines()
    assert "recorded: 5 in the log, 2 decided differently" in lines
    assert "  now denied, by m.r: 2" in lines


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"kind": "decision"}', '{"kind": 3}'])
def test_a_line_that_is_no_record_is_named(folders: tuple[Path, Path], tmp_path: Path, line: str) -> None:
    log = tmp_path / "decisions.jsonl"
    log.write_text(f"\n{line}\n")
    result = diff(*folders, "--against-log", log)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == f"error: `{log}:2` is no recorded decision"


def test_policies_that_do_not_load_are_told(folders: tuple[Path, Path]) -> None:
    (folders[1] / "a.policy").write_text(POLICY.replace("principal.level", "principal.levl"))
    result = diff(*folders)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[E203]: unknown attribute `levl` of `User`")
