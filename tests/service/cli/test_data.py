"""`magistrate data` imports and exports facts, says what is wrong with them, and exits as it should."""

from io import BytesIO
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from policy_lang.loading import load
from service.cli import main
from service.cli.data_here import imported_here
from service.cli.opened_facts import opened_facts
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.imported import Asked
from service.entities.importer import Listener
from service.errors import DataError
from service.policies.activations import Activations
from service.policies.store import BundleStore, Pushed

POLICY = """\
module docs
tenant type Tenant {}
type Team {}
principal type User in Team { tenant: Tenant, clearance: int, department: string?, tags: set<string> }
type Document { owner: User | Team }
actions Document { read }
role viewer on Tenant { Document: read }
role auditor {}
relation collaborator on Document: User
rule shared: allow read on Document to collaborator
"""
LINES = b"""\
{"kind": "resource", "type": "Tenant", "id": "t1"}
{"kind": "principal", "type": "User", "id": "alice", "attributes": {"clearance": 2}}

{"kind": "assignment", "principal": {"type": "User", "id": "alice"}, "role": "docs.auditor"}
"""


class Shell:
    """Runs `magistrate data` on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "policies").mkdir()
        (folder / "policies" / "docs.policy").write_text(POLICY)

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        where = ("--policies", str(self.folder / "policies"), "--data", str(self.folder / "data"))
        return CliRunner().invoke(main, ["data", *arguments, *where], input=stdin)

    def keep(self, text: str) -> None:
        """Policies in the store, put in force there."""
        database = open_database(f"sqlite:///{self.folder / 'data' / 'facts.db'}")
        ensure_current(database, "facts")
        digest = load({"docs.policy": text}).digest
        BundleStore(database).put(Pushed(digest, "User:author", 0, "", None), {"docs.policy": text})
        activations = Activations(database)
        activations.beat("r1")
        begun = activations.begin(digest, "User:author", 60)
        activations.acknowledge(begun.number, "r1")
        activations.settle(begun.number)
        database.close()


@pytest.fixture
def data(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_an_import_from_a_file_and_from_standard_input_are_alike(data: Shell, tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_bytes(LINES)
    first = data("import", str(tmp_path / "facts.jsonl"))
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("imported 2 entities, 1 assignment, 0 relations; revision ")
    second = data("import", "-", "--output", "json", stdin=LINES)
    assert orjson.loads(second.stdout) == {
        "entities": 2,
        "assignments": 1,
        "relations": 0,
        "added": 0,
        "changed": 0,
        "unchanged": 3,
        "dry_run": False,
        "revision": first.stdout.split()[-1],
    }


def test_what_is_there_and_otherwise_is_changed_only_by_an_upsert_and_a_dry_run_writes_nothing(data: Shell) -> None:
    data("import", "-", stdin=LINES)
    before = data("export").stdout_bytes
    other = LINES.replace(b'"clearance": 2', b'"clearance": 3')
    refused = data("import", "-", stdin=other)
    assert refused.exit_code == 1
    why = "is there already, and says otherwise: only an upsert changes it"
    assert refused.stderr.startswith(f"error: line 2: `User:alice` {why}\n")
    tried = data("import", "-", "--upsert", "--dry-run", stdin=other)
    assert tried.stdout.startswith(
        "would import 2 entities, 1 assignment, 0 relations (0 new, 1 changed, 2 as they were); revision "
    )
    assert data("export").stdout_bytes == before
    done = data("import", "-", "--upsert", "--output", "json", stdin=other)
    assert orjson.loads(done.stdout)["changed"] == 1
    assert data("export").stdout_bytes == before.replace(b'"clearance":2', b'"clearance":3')


def test_a_broken_line_is_named_and_nothing_is_imported(data: Shell) -> None:
    result = data(
        "import",
        "-",
        stdin=LINES + b'{"kind": "principal", "type": "User", "id": "bob", "attributes": {"clearence": 1}}',
    )
    assert result.exit_code == 1
    assert result.stderr == (
        "error: line 5: unknown attribute `clearence` of `User`\n"
        "help: did you mean `clearance`?\n"
        "help: nothing was imported\n"
    )
    assert data("export").stdout == ""


def test_what_is_exported_is_the_same_everywhere_and_the_owners_alone(data: Shell, tmp_path: Path) -> None:
    data("import", "-", stdin=LINES)
    exported = data("export", str(tmp_path / "out.jsonl"))
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "out.jsonl").read_bytes() == data("export").stdout_bytes == data("export", "-").stdout_bytes
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "out.jsonl" in path.name] == ["out.jsonl"]
    assert len(data("export").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("import", "nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("export", "--database", "mysql://x"), 2, "unknown kind of database `mysql`"),
        (("export", "--database", "postgresql://u:hunter2@127.0.0.1:1/x"), 3, "cannot be reached"),
        (("export",), 3, "there is no database"),
        (("export", "--config", "nowhere.toml"), 2, "there is no configuration file `nowhere.toml`"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(
    data: Shell, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    result = data(*arguments)
    assert result.exit_code == code, result.output
    assert reason in result.stderr
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output


def test_policies_that_do_not_load_refuse_the_write(data: Shell, tmp_path: Path) -> None:
    (tmp_path / "policies" / "docs.policy").write_text("module docs\ntype {")
    broken = data("import", "-", stdin=LINES)
    assert broken.exit_code == 1
    assert "docs.policy:2" in broken.stderr
    (tmp_path / "policies" / "docs.policy").unlink()
    empty = data("import", "-", stdin=LINES)
    assert empty.exit_code == 2
    assert "no `*.policy` file" in empty.stderr


def test_an_export_that_leaves_something_out_says_so(data: Shell, tmp_path: Path) -> None:
    data("import", "-", stdin=LINES)
    policy = tmp_path / "policies" / "docs.policy"
    policy.write_text(POLICY.replace("clearance: int, ", ""))
    result = data("export")
    assert result.exit_code == 1
    assert result.stderr == "warning: left out `User:alice`: `clearance` is no stored attribute of `User`\n"
    assert len(result.stdout.splitlines()) == 3


def test_an_export_into_no_folder_is_refused(data: Shell, tmp_path: Path) -> None:
    data("import", "-", stdin=LINES)
    result = data("export", str(tmp_path / "nowhere" / "out.jsonl"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


MEMO = b'{"kind": "resource", "type": "Memo", "id": "m1"}\n'


def test_the_host_is_held_to_the_policies_in_force_where_they_are_pushed(data: Shell) -> None:
    (data.folder / "data").mkdir()
    none = data("import", "-", "--policies-source", "store", stdin=MEMO)
    assert (none.exit_code, "no policies are in force" in none.stderr) == (3, True)
    data.keep(POLICY + "type Memo {}\n")
    assert "unknown type `Memo`" in data("import", "-", stdin=MEMO).stderr, "the folder has no such type"
    done = data("import", "-", "--policies-source", "store", stdin=MEMO)
    assert done.stdout.startswith("imported 1 entity"), done.output
    assert data("export", "--policies-source", "store").stdout.encode().count(b'"Memo"') == 1


def test_an_import_on_the_host_is_done_again_by_policies_that_came_into_force_meanwhile(data: Shell) -> None:
    (data.folder / "data").mkdir()
    data.keep(POLICY)
    settings = Settings(policies_source="store", data=data.folder / "data")
    changes = iter([POLICY + "type Memo {}\n"])

    def writes() -> None:
        for text in changes:
            data.keep(text)

    with opened_facts(settings) as database:
        done = imported_here(settings, database, BytesIO(LINES), Asked(), Listener(writes=writes))
        assert done.entities.added == 2
        data.keep(POLICY)
        changes = iter(["module docs\nprincipal type User {}\n"])
        other = LINES.replace(b"alice", b"bob")
        with pytest.raises(DataError, match="unknown type `Tenant`"):
            imported_here(settings, database, BytesIO(other), Asked(), Listener(writes=writes))
