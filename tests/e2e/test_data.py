"""`magistrate data` and `magistrate admin` against a real service whose tokens come from an issuer of its own."""

import json
import secrets
import time
from collections.abc import Iterator

import jwt
import pytest
from click.testing import CliRunner

from service.cli import main
from tests.e2e.running import Project, Server

POLICY = """\
module docs
tenant type Tenant {}
type Team { tenant: Tenant? }
principal type User in Team { tenant: Tenant, clearance: int?, department: string?, tags: set<string>? }
type Document { tenant: Tenant, owner: User | Team }
actions Document { read }
role viewer on Tenant { Document: read }
role auditor {}
relation collaborator on Document: User
rule shared: allow read on Document to collaborator
"""
CONFIG = """
[[issuers]]
issuer = "https://id.example"
audience = ["magistrate"]
algorithms = ["HS256"]
secret_file = "secret"
principal_type = "User"
"""
BOB = ("--attr", "clearance=1", "--attr", 'tags:=["a", "b"]', "--attr", "tenant=t1", "--attr", 'department:="007"')


class Shell:
    """Runs commands as one principal, by a token of the issuer."""

    def __init__(self, project: Project, server: Server, secret: str) -> None:
        self.project = project
        self._server = server
        self._secret = secret

    def token(self, who: str) -> str:
        """A token that says so."""
        claims = {"iss": "https://id.example", "sub": who, "aud": "magistrate", "exp": int(time.time()) + 300}
        return jwt.encode(claims, self._secret, "HS256")

    def __call__(self, who: str, *arguments: str, code: int = 0) -> str:
        """What the command printed, which ends with that code; it runs here, the service does not."""
        where = ("--server", self._server.address, "--timeout", "30")
        ended = CliRunner().invoke(main, ["data", *arguments, *where], env={"MAGISTRATE_TOKEN": self.token(who)})
        assert ended.exit_code == code, f"{arguments}: {ended.output}"
        return ended.output


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    project = Project(tmp_path_factory.mktemp("data") / "project", {"config": "magistrate.toml"})
    (project.folder / "policies").mkdir(parents=True)
    (project.folder / "policies" / "docs.policy").write_text(POLICY)
    secret = secrets.token_hex(64)
    (project.folder / "secret").write_text(secret)
    (project.folder / "secret").chmod(0o600)
    (project.folder / "magistrate.toml").write_text(CONFIG)
    project.must_run("admin", "grant", "User:root", "admin")
    project.must_run("admin", "grant", "User:local", "admin", "--tenant", "Tenant:t1")
    with project.serving() as server:
        yield Shell(project, server, secret)


def test_facts_written_one_by_one_are_shown_listed_and_exported(shell: Shell) -> None:
    commands = [
        ("put", "Tenant:t1"),
        ("put", "Team:red", "--attr", "tenant=@Tenant:t1"),
        ("put", "User:bob", *BOB, "--parent", "Team:red"),
        ("put", "Document:d1", "--attr", "owner=@User:bob", "--attr", "tenant=t1"),
        ("put", "Document:d2", "--attr", 'owner:={"type": "Team", "id": "red"}', "--attr", "tenant=t1"),
        ("assign", "User:bob", "docs.viewer", "--at", "Tenant:t1", "--until", "2030-01-01T00:00:00Z"),
        ("assign", "User:bob", "docs.auditor"),
        ("relate", "Document:d1", "docs.collaborator", "User:bob"),
        ("relate", "Document:d2", "docs.collaborator", "User:bob"),
        ("unassign", "User:bob", "docs.auditor"),
        ("unrelate", "Document:d2", "docs.collaborator", "User:bob"),
        ("delete", "Document:d2"),
    ]
    revisions = [int(shell("root", *arguments).strip().rpartition(".")[2]) for arguments in commands]
    assert revisions == list(range(revisions[0], revisions[0] + len(commands)))
    entity, assignment = json.loads(shell("root", "get", "User:bob", "--output", "json"))
    assert entity["attributes"] == {
        "clearance": 1, "department": "007", "tags": ["a", "b"], "tenant": {"type": "Tenant", "id": "t1"},
    }  # fmt: skip
    assert entity["parents"] == [{"type": "Team", "id": "red"}]
    assert assignment == {
        "kind": "assignment",
        "principal": {"type": "User", "id": "bob"},
        "role": "docs.viewer",
        "scope": {"type": "Tenant", "id": "t1"},
        "expires_at": "2030-01-01T00:00:00Z",
    }
    assert "department" in shell("root", "get", "User:bob")
    listed = json.loads(shell("local", "list", "Document", "--tenant", "Tenant:t1", "--output", "json"))
    assert [form["id"] for form in listed] == ["d1"]
    held = [json.loads(line) for line in shell("root", "roles", "--output", "jsonl").splitlines()]
    assert {(each["principal"]["id"], each["role"]) for each in held} >= {
        ("bob", "docs.viewer"), ("local", "magistrate.admin"), ("root", "magistrate.admin"),
    }  # fmt: skip
    assert len(shell.project.must_run("data", "export").splitlines()) == 6
    recorded = shell.project.must_run(
        "log", "query", "--wait", "--output", "jsonl", "--action", "magistrate.role.assign"
    )
    assert {json.loads(line)["caller"]["type"] for line in recorded.splitlines()} == {"operator", "User"}


def test_a_caller_is_held_to_its_roles(shell: Shell) -> None:
    shell("root", "put", "Tenant:t1")
    shell("root", "put", "Tenant:t2")
    shell("local", "put", "User:ann", "--attr", "tenant=t1")
    for who, arguments in (
        ("nobody", ("get", "User:ann")),
        ("nobody", ("put", "User:me", "--attr", "tenant=t1")),
        ("local", ("put", "User:ann", "--attr", "tenant=t2")),
        ("local", ("put", "Tenant:t3")),
        ("local", ("assign", "User:ann", "magistrate.admin")),
        ("root", ("assign", "User:root", "magistrate.auditor")),
    ):
        assert "PERMISSION_DENIED" in shell(who, *arguments, code=1), arguments
    shell("local", "assign", "User:ann", "magistrate.admin", "--at", "Tenant:t1")
    shell("ann", "put", "User:cy", "--attr", "tenant=t1")  # what was given is in force at once
    shell.project.must_run("admin", "revoke", "User:local", "admin", "--tenant", "Tenant:t1")
    assert "PERMISSION_DENIED" in shell("local", "put", "User:dan", "--attr", "tenant=t1", code=1)


def test_who_gets_the_id_of_somebody_deleted_inherits_nothing(shell: Shell) -> None:
    shell("root", "put", "Tenant:t1")
    shell("root", "put", "Document:left", "--attr", "tenant=t1")
    shell("root", "put", "User:eve", "--attr", "tenant=t1")
    shell("root", "assign", "User:eve", "docs.viewer", "--at", "Tenant:t1")
    shell("root", "relate", "Document:left", "docs.collaborator", "User:eve")
    shell("root", "delete", "User:eve")
    shell("root", "put", "User:eve", "--attr", "tenant=t1")
    held = [json.loads(line) for line in shell("root", "roles", "--output", "jsonl").splitlines()]
    assert "eve" not in [row["principal"]["id"] for row in held]
    assert "is no `docs.collaborator`" in shell(
        "root", "unrelate", "Document:left", "docs.collaborator", "User:eve", code=2
    )


def test_a_write_that_has_not_seen_the_last_one_stops(shell: Shell) -> None:
    first = shell("root", "put", "Tenant:t1").split()[-1]
    shell("root", "put", "Tenant:t1", "--if-revision", first)
    assert "ENTITY_CHANGED" in shell("root", "delete", "Tenant:t1", "--if-revision", first, code=1)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("put", "User"), 2, "`User` is not of the form TYPE:ID"),
        (("put", "User:x", "--attr", "clearance"), 2, "`clearance` is not of the form NAME=VALUE"),
        (("put", "User:x", "--attr", "clearance:=high"), 2, "`high` is not JSON"),
        (("put", "User:x", "--attr", "clearance=high"), 2, "`User.clearance`: expected a whole number"),
        (("put", "User:x", "--attr", "clearence=1"), 2, "help: did you mean `clearance`?"),
        (("put", "User:" + "x" * 257), 2, "an id has at most 256 characters"),
        (("put", "Usr:x"), 2, "unknown type `Usr`"),
        (("assign", "User:x", "docs.viewer"), 2, "is assigned at a `Tenant`, which is not given"),
        (("assign", "User:x", "docs.auditor"), 2, "there is no entity `User:x`"),
        (("assign", "User:x", "docs.auditor", "--until", "soon"), 2, "--until"),
        (("get", "User:x"), 1, "there is no `User:x` (NOT_FOUND)"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(
    shell: Shell, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    assert reason in shell("root", *arguments, code=code)


def test_without_a_service_or_a_token_nothing_is_done() -> None:
    assert CliRunner().invoke(main, ["data", "get", "User:x"], env={"MAGISTRATE_TOKEN": None}).exit_code == 2
    where = ("--token", "a.b.c", "--server", "127.0.0.1:1", "--timeout", "1")
    assert CliRunner().invoke(main, ["data", "get", "User:x", *where]).exit_code == 3
