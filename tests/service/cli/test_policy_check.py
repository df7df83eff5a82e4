"""`magistrate policy check` shows lints beside faults, allows them by remark, explains codes and tells costs."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main

POLICY = """module m
principal type User { level: int, boss: User? }
type Document { owner: User }
actions Document { read }
let is_low = resource.owner.level < 3
rule r: allow read on Document to User when principal.level > 1
"""
UNUSED = """warning[W301]: nothing uses the let `is_low`
 --> a.policy:5:5
  |
5 | let is_low = resource.owner.level < 3
  |     ^^^^^^
  = help: remove it

`magistrate policy check --explain W301` says more
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.policy").write_text(POLICY)
    return tmp_path


def check(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["policy", "check", *map(str, arguments)])


def test_a_lint_is_shown_and_fails_nothing(folder: Path) -> None:
    result = check(folder)
    assert (result.exit_code, result.stderr) == (0, UNUSED)
    assert result.stdout == "ok: 1 file, 2 types, 1 rule, 0 tests, 1 lint\n"


def test_a_lint_fails_a_strict_check(folder: Path) -> None:
    result = check(folder, "--strict")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", UNUSED)


def test_lints_can_be_left_out(folder: Path) -> None:
    result = check(folder, "--no-lint", "--strict")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "ok: 1 file, 2 types, 1 rule, 0 tests\n", "")


def test_a_lint_stands_in_json_and_sarif(folder: Path) -> None:
    report = orjson.loads(check(folder, "--output", "json").stdout)
    (found,) = report["diagnostics"]
    assert (report["ok"], found["code"], found["severity"], found["line"]) == (True, "W301", "warning", 5)
    (run,) = orjson.loads(check(folder, "--output", "sarif").stdout)["runs"]
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [("W301", "warning")]


def test_a_remark_allows_a_lint_where_it_stands(folder: Path) -> None:
    (folder / "a.policy").write_text(POLICY.replace("let ", "# allow W301: for the next release\nlet "))
    result = check(folder, "--strict")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_remark_that_allows_nothing_is_refused(folder: Path) -> None:
    (folder / "a.policy").write_text(POLICY.replace("rule ", "# allow W301: for the next release\nrule "))
    result = check(folder, "--output", "json")
    found = [(each["code"], each["severity"]) for each in orjson.loads(result.stdout)["diagnostics"]]
    assert (result.exit_code, found) == (1, [("W301", "warning"), ("E601", "error")])


def test_costs_are_the_nodes_and_the_longest_way_of_each_rule(folder: Path) -> None:
    text = "rule deep: deny read on Document when has resource.owner.boss and resource.owner.boss.level < 1\n"
    (folder / "a.policy").write_text(POLICY + text)
    result = check(folder, "--costs", "--no-lint")
    assert result.stdout.splitlines()[:3] == ["nodes  steps  rule", "    6      2  m.deep", "    4      0  m.r"]
    report = orjson.loads(check(folder, "--costs", "--no-lint", "--output", "json").stdout)
    assert report["costs"] == [{"rule": "m.deep", "nodes": 6, "steps": 2}, {"rule": "m.r", "nodes": 4, "steps": 0}]


@pytest.mark.parametrize("code", ["E303", "w401"])
def test_a_code_is_explained_by_its_page(code: str) -> None:
    result = check("--explain", code)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# {code.upper()}: ")
    assert "\n## Avoid\n" in result.stdout


def test_a_code_that_does_not_exist_is_wrong_usage() -> None:
    result = check("--explain", "E999")
    assert result.exit_code == 2
    assert "there is no code `E999`" in result.stderr
