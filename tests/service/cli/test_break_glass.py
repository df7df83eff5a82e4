"""`magistrate admin break-glass` on the host: whatever the policies are like, and each grant ended once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy_lang.loading import load
from service.cli import main
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.policies.activations import Activations
from service.policies.store import BundleStore, Pushed

POLICY = """module docs
tenant type Tenant {}
principal type User { tenant: Tenant }
type Document { tenant: Tenant }
actions Document { edit }
role editor on Tenant { Document: edit }
"""
GIVING = ("break-glass", "User:carol", "docs.editor", "--at", "Tenant:t1", "--for", "1h", "--reason", "nobody is awake")


def admin(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["admin", *arguments, "--data", str(folder)])


def given(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["id"])


def listed(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in admin(folder, "list-break-glass", "--output", "jsonl").stdout.splitlines()]


@pytest.fixture
def told(tmp_path: Path) -> list[str]:
    return ["--policies", str(tmp_path / "none"), "--output", "json"]


def test_policies_that_are_not_there_hold_up_no_emergency(tmp_path: Path, told: list[str]) -> None:
    result = admin(tmp_path, *GIVING, *told)
    grant = given(result)
    assert "warning: the policies are not asked whose this is" in result.stderr
    assert [each["id"] for each in listed(tmp_path)] == [grant]

    assert admin(tmp_path, "end-break-glass", grant, *told).exit_code == 0
    again = admin(tmp_path, "end-break-glass", grant, *told)
    assert (again.exit_code, again.stderr.splitlines()[-1]) == (1, f"error: no emergency grant `{grant}` is in force")


def test_policies_that_are_being_put_in_force_hold_up_no_emergency(tmp_path: Path) -> None:
    database = open_database(Settings(data=tmp_path).database_url)
    migrate(database, "facts")
    store, activations = BundleStore(database), Activations(database)
    activations.beat("r1")
    for text in (POLICY, POLICY + "role viewer on Tenant { Document: edit }\n"):
        digest = load({"docs.policy": text}).digest
        store.put(Pushed(digest, "User:author", 0, "", None), {"docs.policy": text})
        begun = activations.begin(digest, "User:author", 600)
        if text == POLICY:
            activations.acknowledge(begun.number, "r1")
            activations.settle(begun.number)
    database.close()

    result = admin(tmp_path, *GIVING, "--policies-source", "store")
    assert (result.exit_code, result.stderr) == (1, "error: there is no `User:carol`\n")
