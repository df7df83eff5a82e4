"""`magistrate policy test` says what failed and why, to people and to programs, and never a sensitive value."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.service.cli.policy_test.policies import run_tests, write

PASSED = "4 expectations held, 0 did not, in 2 tests\n"


def test_what_holds_is_counted(tmp_path: Path) -> None:
    write(tmp_path)
    result = run_tests(tmp_path)
    assert (result.exit_code, result.output) == (0, PASSED)


def test_a_failure_shows_its_line_and_how_it_came_about(tmp_path: Path) -> None:
    write(tmp_path, ("expect allow edit by own", "expect deny edit by locked"))
    result = run_tests(tmp_path, "--only", "the owner edits")
    assert result.exit_code == 1
    assert result.output == (
        "failed: the owner edits\n"
        "  --> m.policy:17:3\n"
        "   |\n"
        "17 |   expect deny edit by locked\n"
        "   |   ^^^^^^^^^^^^^^^^\n"
        "   = expected deny edit by m.locked\n"
        "   = got allow by m.own code ALLOWED\n"
        "deny m.locked (m.policy:7): false\n"
        "  false   when resource.locked\n"
        "          resource.locked = false\n"
        "allow m.own (m.policy:6): true determining\n"
        "  true    to anyone\n"
        "  true    when resource.owner == principal\n"
        "          resource.owner = User:ann\n"
        "what would flip this answer, each alone:\n"
        "  m.locked, were this true: when resource.locked\n"
        "          such as resource.locked = true\n"
        "  m.own, were this false: to anyone\n"
        "  m.own, were this false: when resource.owner == principal\n"
        "  m.pinned, were this true: when has principal.pin and principal.pin == 4711\n"
        "\n"
        "1 expectation held, 1 did not, in 1 test\n"
    )


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    write(tmp_path, ("    actions any\n", "    actions any\n    expect allow edit on plan to bob\n"))
    result = run_tests(tmp_path)
    assert result.exit_code == 1
    assert "failed: others: edit on plan to bob\n" in result.output


def test_where_nothing_decided_the_rules_that_could_have_are_shown(tmp_path: Path) -> None:
    write(tmp_path, ("    actions any\n", "    actions any\n    expect allow edit on plan to bob\n"))
    output = run_tests(tmp_path).output
    assert "allow m.own (m.policy:6): false\n" in output
    assert "          such as resource.owner = User:bob\n" in output
    assert "m.locked (m.policy:7)" not in output


def test_results_are_told_to_programs_with_what_explains_them(tmp_path: Path) -> None:
    write(tmp_path, ("locked: false", "locked: true"))
    report = orjson.loads(run_tests(tmp_path, "--output", "json").output)
    failed, held = report["results"][:2]
    assert (report["ok"], report["held"], report["failed"], report["diagnostics"]) == (False, 3, 1, [])
    assert held == {
        "test": "the owner edits", "path": "m.policy", "line": 18, "action": "read", "held": True,
        "effect": "allow", "code": "ALLOWED", "lines": [], "rules": [],
    }  # fmt: skip
    assert failed["lines"] == ["expected allow edit by m.own", "got deny by m.locked code LOCKED"]
    (locked,) = [rule for rule in failed["rules"] if rule["determining"]]
    assert locked["clauses"] == [
        {
            "kind": "when",
            "text": "resource.locked",
            "truth": "true",
            "inputs": [{"path": "resource.locked", "value": True, "cause": ""}],
            "rows": [],
            "missing": [],
            "flips_when": "false",
            "changes": [{"input": {"path": "resource.locked", "value": False, "cause": ""}}],
        }
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_sensitive_values_are_in_no_report(tmp_path: Path, form: str) -> None:
    write(tmp_path, ("pin: 1234", "pin: 987654"), ("pin == 4711", "pin == 987654"))
    junit = tmp_path / "junit.xml"
    output = run_tests(tmp_path, "--output", form, "--junit", str(junit)).output
    shown = (output + junit.read_text()).replace("principal.pin == 987654", "")
    assert "principal.pin" in shown
    assert "987654" not in shown


def test_what_is_covered_is_shown_with_the_lines_that_are_not(tmp_path: Path) -> None:
    write(tmp_path)
    output = run_tests(tmp_path, "--coverage").output
    assert "coverage: rules 2 of 4 (50 %), values of clauses 9 of 12 (75 %)\n" in output
    assert (
        "\nrule m.locked never held\n"
        " --> m.policy:7:1\n"
        "  |\n"
        "7 | rule locked: deny edit on Document when resource.locked code LOCKED\n"
        "  | ^^^^^^^^^^^\n"
        "\n"
    ) in output
    assert (
        "\nwhen of m.locked was never true\n"
        " --> m.policy:7:41\n"
        "  |\n"
        "7 | rule locked: deny edit on Document when resource.locked code LOCKED\n"
        "  |                                         ^^^^^^^^^^^^^^^\n"
    ) in output


def test_coverage_is_told_to_programs(tmp_path: Path) -> None:
    write(tmp_path)
    coverage = orjson.loads(run_tests(tmp_path, "--coverage", "--output", "json").output)["coverage"]
    assert coverage["percent"] == 50
    assert coverage["rules"]["items"][2] == {"rule": "m.locked", "path": "m.policy", "line": 7, "held": False}
    assert coverage["values"]["items"][2] == {
        "rule": "m.locked", "kind": "when", "text": "resource.locked", "path": "m.policy", "line": 7, "column": 41,
        "seen": ["false"], "missing": ["true"],
    }  # fmt: skip


@pytest.mark.parametrize(("least", "code"), [("50", 0), ("51", 1)])
def test_too_little_coverage_fails(tmp_path: Path, least: str, code: int) -> None:
    write(tmp_path)
    result = run_tests(tmp_path, "--min-coverage", least)
    assert (result.exit_code, result.stdout) == (code, PASSED)
    assert result.output.startswith(PASSED)
    assert ("51 % are to be covered, and 50 % of rules and 75 %" in result.stderr) is (code == 1)


def test_programs_are_told_that_too_little_is_covered(tmp_path: Path) -> None:
    write(tmp_path)
    report = orjson.loads(run_tests(tmp_path, "--min-coverage", "51", "--output", "json").stdout)
    assert (report["ok"], report["failed"], report["coverage"]["percent"]) == (False, 0, 50)


def test_the_installed_command_ends_with_the_same_code(tmp_path: Path) -> None:
    write(tmp_path, ("locked: false", "locked: true"))
    script = Path(sys.executable).parent / "magistrate"
    done = subprocess.run([script, "policy", "test", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("3 expectations held, 1 did not, in 2 tests\n")
