"""`magistrate policy check --against-store` says what of the stored facts would not fit, in each form, and exits so."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.db.opening import open_database

POLICY = """\
module docs
type Document { level: int, label: string? }
type Old {}
principal type User {}
actions Document { read }
rule all: allow read on Document to anyone
"""
FACTS = b"""\
{"kind": "resource", "type": "Document", "id": "d1", "attributes": {"level": 1, "label": "x"}}
{"kind": "resource", "type": "Document", "id": "d2", "attributes": {}}
{"kind": "resource", "type": "Old", "id": "o1"}
"""
Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the command over a store of three rows."""
    policies, data = tmp_path / "policies", tmp_path / "data"
    policies.mkdir()
    (policies / "docs.policy").write_text(POLICY)
    where = ["--policies", str(policies), "--data", str(data)]
    assert CliRunner().invoke(main, ["data", "import", "-", *where], input=FACTS).exit_code == 0

    def run(*arguments: str, policy: str = POLICY) -> Result:
        (policies / "docs.policy").write_text(policy)
        options = ["--no-lint", "--against-store", "--data", str(data), *arguments]
        return CliRunner().invoke(main, ["policy", "check", str(policies), *options])

    return run


CHANGED = POLICY.replace("type Old {}\n", "").replace("label: string?", "label: bool?")


def test_facts_that_fit_are_no_finding_but_for_what_is_required(check: Check) -> None:
    result = check(policy=POLICY.replace("level: int", "level: int?"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "ok: 1 file, 3 types, 1 rule, 0 tests\n"


def test_a_finding_is_shown_where_the_policies_declare_it(check: Check) -> None:
    result = check(policy=CHANGED)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "error[D101]: 1 row of `Old`: the type is not declared to have rows\n"
        "  = help: such as `Old:o1`\n"
        "\n"
        "error[D103]: 1 row of `Document.label`: expected true or false\n"
        " --> docs.policy:2:29\n"
        "  |\n"
        "2 | type Document { level: int, label: bool? }\n"
        "  |                             ^^^^^\n"
        "  = help: such as `Document:d1`\n"
        "\n"
        "error[D104]: 1 row of `Document.level`: the attribute is required\n"
        " --> docs.policy:2:17\n"
        "  |\n"
        "2 | type Document { level: int, label: bool? }\n"
        "  |                 ^^^^^\n"
        "  = help: such as `Document:d2`\n"
        "\n"
    )


def test_programs_get_counts_examples_and_places(check: Check) -> None:
    result = check("--output", "json", policy=CHANGED)
    assert result.exit_code == 1
    told = orjson.loads(result.stdout)
    assert (told["ok"], told["diagnostics"]) == (False, [])
    removed, changed, _ = told["stored"]
    assert removed == {
        "code": "D101",
        "subject": "Old",
        "message": "the type is not declared to have rows",
        "count": 1,
        "examples": ["Old:o1"],
    }
    assert changed["subject"] == "Document.label"
    assert (changed["path"], changed["line"], changed["column"]) == ("docs.policy", 2, 29)


def test_sources_whose_rows_are_not_read_are_named(check: Check, tmp_path: Path) -> None:
    config = tmp_path / "magistrate.toml"
    config.write_text('[sources.app.types.Paper]\ntable = "papers"\nid = "id"\nattributes = {}\n')
    fits = POLICY.replace("level: int", "level: int?")
    result = check("--config", str(config), policy=fits)
    assert result.exit_code == 0
    assert result.stderr == (
        "note: what is in mapped sources is not read: `app`\n"
        "help: whether their tables fit these policies says "
        f"`magistrate data check-sources --policies-source folder --policies {tmp_path / 'policies'}`\n"
    )
    told = orjson.loads(check("--config", str(config), "--output", "json", policy=fits).stdout)
    assert (told["ok"], told["stored"], told["sources_not_read"]) == (True, [], ["app"])


def test_sarif_has_the_findings_as_results_of_rules_of_their_own(check: Check) -> None:
    (run,) = orjson.loads(check("--output", "sarif", policy=CHANGED).stdout)["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["D101", "D103", "D104"]
    removed, changed, _ = run["results"]
    assert "locations" not in removed
    (place,) = changed["locations"]
    assert place["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 29}
    assert place["physicalLocation"]["artifactLocation"]["uri"].endswith("/policies/docs.policy")


def test_without_the_option_no_store_is_looked_at(check: Check, tmp_path: Path) -> None:
    check(policy=CHANGED)
    result = CliRunner().invoke(main, ["policy", "check", str(tmp_path / "policies"), "--output", "json"])
    assert "stored" not in orjson.loads(result.stdout)


def test_a_fault_of_the_policies_comes_first_and_alone(check: Check) -> None:
    result = check(policy=CHANGED.replace("level: int", "level: itn"))
    assert result.exit_code == 1
    assert "D10" not in result.stderr


def test_a_store_that_is_not_there_is_no_store_that_fits(check: Check, tmp_path: Path) -> None:
    result = check("--data", str(tmp_path / "nowhere"))
    assert result.exit_code == 3
    assert result.stderr.startswith("error: there is no database")
    assert not (tmp_path / "nowhere").exists()


def test_a_store_of_another_version_is_refused_and_left_as_it_is(check: Check, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'data' / 'facts.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE magistrate_facts_version SET version_num = 'facts_0001'")
    result = check()
    assert result.exit_code == 3
    assert "is of another version" in result.stderr
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM magistrate_facts_version").scalar() == "facts_0001"
    database.close()
