"""`magistrate policy check` and `test` say to programs what they say to people: findings, results, exit codes."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main

POLICY = """module m
principal type User { level: int }
type Document {}
actions Document { read }
rule r: allow read on Document to User when principal.level > 1
fixture ann = User "ann" { level: 2 }
test "ann reads" {
  principal ann
  resource Document "d" {}
  context { now: 2026-01-05T10:00:00Z }
  expect allow read by r
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.policy").write_text(POLICY)
    return tmp_path


def policy(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


def break_policy(folder: Path, old: str, new: str) -> None:
    (folder / "a.policy").write_text(POLICY.replace(old, new))


def test_a_check_counts_what_the_bundle_holds(folder: Path) -> None:
    result = policy("check", folder, "--output", "json")
    counts = {"files": 1, "types": 2, "rules": 1, "tests": 1}
    assert result.exit_code == 0
    assert orjson.loads(result.stdout) == {"ok": True, **counts, "diagnostics": []}


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_finding_has_its_place_and_its_help(folder: Path, command: str) -> None:
    break_policy(folder, "principal.level", "principal.levl")
    result = policy(command, folder, "--output", "json")
    report = orjson.loads(result.stdout)
    assert (result.exit_code, result.stderr, report["ok"]) == (1, "", False)
    assert report["diagnostics"] == [
        {
            "code": "E203",
            "severity": "error",
            "message": "unknown attribute `levl` of `User`",
            "path": "a.policy",
            "line": 5,
            "column": 55,
            "end": {"line": 5, "column": 59},
            "help": "did you mean `level`?",
        }
    ]


def test_sarif_places_a_finding_in_the_file_as_seen_from_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_policy(folder, "principal.level", "principal.levl")
    monkeypatch.chdir(folder.parent)
    result = policy("check", folder.name, "--output", "sarif")
    log = orjson.loads(result.stdout)
    (run,) = log["runs"]
    (found,) = run["results"]
    place = found["locations"][0]["physicalLocation"]
    assert (result.exit_code, log["version"]) == (1, "2.1.0")
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["shortDescription"]["text"]) == ("E203", "an unknown attribute")
    assert rule["help"]["markdown"].startswith("# E203: an unknown attribute\n")
    assert (found["ruleId"], found["level"]) == ("E203", "error")
    assert found["message"]["text"] == "unknown attribute `levl` of `User` (did you mean `level`?)"
    assert place["artifactLocation"]["uri"] == f"{folder.name}/a.policy"
    assert place["region"] == {"startLine": 5, "startColumn": 55, "endLine": 5, "endColumn": 59}


def test_sarif_of_a_sound_bundle_has_no_results(folder: Path) -> None:
    result = policy("check", folder, "--output", "sarif")
    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["runs"][0]["results"] == []


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert policy("check", tmp_path / "nowhere", "--output", "json").exit_code == 2
