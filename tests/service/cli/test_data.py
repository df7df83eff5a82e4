"""`magistrate data` writes and reads facts, says what is wrong with them, and exits as it should."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main

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

BOB = ("--attr", "clearance=1", "--attr", "tags=a,b", "--attr", "tenant=t1", "--attr", "department=007")


class Shell:
    """Runs `magistrate data` on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "policies").mkdir()
        (folder / "policies" / "docs.policy").write_text(POLICY)

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        where = ("--policies", str(self.folder / "policies"), "--data", str(self.folder / "data"))
        return CliRunner().invoke(main, ["data", *arguments, *where], input=stdin)


@pytest.fixture
def data(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_an_import_from_a_file_and_from_standard_input_are_alike(data: Shell, tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_bytes(LINES)
    first = data("import", str(tmp_path / "facts.jsonl"))
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("imported 2 entities, 1 assignments, 0 relations; revision ")
    second = data("import", "-", "--output", "json", stdin=LINES)
    assert orjson.loads(second.stdout) == {
        "entities": 2,
        "assignments": 1,
        "relations": 0,
        "revision": first.stdout.split()[-1].replace(".1", ".2"),
    }


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
    assert data("get", "User:alice").exit_code == 1


def test_facts_written_one_by_one_are_shown_and_exported(data: Shell, tmp_path: Path) -> None:
    commands = [
        ("put", "Tenant:t1"),
        ("put", "Team:red"),
        ("put", "User:bob", *BOB, "--parent", "Team:red"),
        ("put", "Document:d1", "--attr", "owner=User:bob"),
        ("put", "Document:d2", "--attr", 'owner:={"type": "Team", "id": "red"}'),
        ("assign", "User:bob", "docs.viewer", "--at", "Tenant:t1", "--until", "2030-01-01T00:00:00Z"),
        ("assign", "User:bob", "docs.auditor"),
        ("relate", "Document:d1", "docs.collaborator", "User:bob"),
        ("relate", "Document:d2", "docs.collaborator", "User:bob"),
        ("unassign", "User:bob", "docs.auditor"),
        ("unrelate", "Document:d2", "docs.collaborator", "User:bob"),
        ("delete", "Document:d2"),
    ]  # fmt: skip
    for number, arguments in enumerate(commands, 1):
        result = data(*arguments)
        assert result.exit_code == 0, result.output
        assert result.stdout.endswith(f".{number}\n")
    bob = {"type": "User", "id": "bob"}
    about = [
        {
            "kind": "principal",
            "type": "User",
            "id": "bob",
            "attributes": {
                "clearance": 1,
                "department": "007",
                "tags": ["a", "b"],
                "tenant": {"type": "Tenant", "id": "t1"},
            },
            "parents": [{"type": "Team", "id": "red"}],
        },
        {
            "kind": "assignment",
            "principal": bob,
            "role": "docs.viewer",
            "scope": {"type": "Tenant", "id": "t1"},
            "expires_at": "2030-01-01T00:00:00Z",
        },
        {
            "kind": "relation",
            "resource": {"type": "Document", "id": "d1"},
            "relation": "docs.collaborator",
            "principal": bob,
            "expires_at": None,
        },
    ]
    assert orjson.loads(data("get", "User:bob", "--output", "json").stdout) == about
    table = data("get", "User:bob").stdout
    assert "department" in table
    assert "007" in table
    exported = data("export", str(tmp_path / "out.jsonl"))
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "out.jsonl").read_bytes() == data("export").stdout_bytes
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "out.jsonl" in path.name] == ["out.jsonl"]
    assert len(data("export").stdout.splitlines()) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("put", "User"), 2, "`User` is not of the form TYPE:ID"),
        (("put", "User:x", "--attr", "clearance"), 2, "`clearance` is not of the form NAME=VALUE"),
        (("put", "User:x", "--attr", "clearance=high"), 2, "`high` is not JSON"),
        (("put", "User:x", "--attr", "clearance=1.5"), 1, "`User.clearance`: expected a whole number"),
        (("put", "User:x", "--attr", "clearence=1"), 1, "help: did you mean `clearance`?"),
        (("put", "User:" + "x" * 257), 1, "an id has at most 256 characters"),
        (("put", "Usr:x"), 1, "unknown type `Usr`"),
        (("assign", "User:x", "docs.viewer"), 1, "is assigned at a `Tenant`, which is not given"),
        (("assign", "User:x", "docs.auditor"), 1, "there is no entity `User:x`"),
        (("import", "nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("get", "User:x", "--database", "mysql://x"), 2, "unknown kind of database `mysql`"),
        (("get", "User:x", "--database", "postgresql://u:hunter2@127.0.0.1:1/x"), 3, "cannot be reached"),
        (("get", "User:x"), 3, "there is no database"),
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
    broken = data("put", "User:x")
    assert broken.exit_code == 1
    assert "docs.policy:2" in broken.stderr
    (tmp_path / "policies" / "docs.policy").unlink()
    empty = data("put", "User:x")
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
