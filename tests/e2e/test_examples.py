"""What a newcomer runs works as it stands: the starter, the demo, the examples."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, CheckRequest
from magistrate.v1.types_pb2 import Entity, Value

from tests.e2e.asking import SECONDS, bearer, stub_of
from tests.e2e.running import COMMAND, Project

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_AND_LOOK = """
import sys
from service.cli import main
main(sys.argv[1:], standalone_mode=False)
assert "grpc" not in sys.modules
"""
TODO_CONFIG = """
[[issuers]]
issuer = "https://todo.example"
audience = ["magistrate"]
algorithms = ["HS256"]
secret_file = "secret"
principal_type = "service"
"""


def test_the_starter_works_as_its_next_steps_say(tmp_path: Path) -> None:
    project = Project(tmp_path / "mine")
    Project(tmp_path).must_run("init", "mine")
    project.must_run("policy", "check", "policies")
    project.must_run("policy", "test", "policies")
    project.must_run("data", "import", "data.jsonl")
    with project.serving("--dev") as server:
        token = project.must_run("token", "mint", "--principal", "User:alice")
        (project.folder / "alice.token").write_text(token)
        asked = ("Document:plan", "--token-file", "alice.token", "--server", server.address)
        assert "docs.by_role" in project.must_run("check", "edit", *asked)
        assert json.loads(project.must_run("check", "edit", *asked, "--output", "json"))["effect"] == "allow"
        assert "docs.by_role" in project.must_run("explain", "edit", *asked)
        denied = project.run("check", "export", *asked, "--context", "ip=192.0.2.1")
        assert (denied.returncode, "OFFICE_ONLY" in denied.stdout) == (1, True)
        assert project.run("check", "fly", *asked).returncode == 2
        assert project.run("check", "edit", "Document:plan", "--token", "a.b.c", *asked[3:]).returncode == 3
        assert "OFFICE_ONLY" in project.must_run("log", "query", "--wait")


def test_init_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    ended = Project(tmp_path).run("init", ".")
    assert ended.returncode != 0
    assert "is not empty" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_demo_comes_out_as_told(tmp_path: Path) -> None:
    ended = Project(tmp_path).run("demo")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "everything came out as told" in ended.stdout


def test_the_forty_questions_of_authzen_todo_get_the_answers_expected(tmp_path: Path) -> None:
    project = Project(shutil.copytree(EXAMPLES / "authzen-todo", tmp_path / "todo"))
    secret = secrets.token_hex(64)
    (project.folder / "secret").write_text(secret)
    (project.folder / "secret").chmod(0o600)
    (project.folder / "magistrate.toml").write_text(TODO_CONFIG)
    project = project.with_settings(config="magistrate.toml")
    project.must_run("data", "import", "data.jsonl")
    for role in ("pep", "check_as:user", "assert_attributes"):
        project.must_run("admin", "grant", "service:app", role)
    claims = {"iss": "https://todo.example", "sub": "app", "aud": "magistrate", "exp": int(time.time()) + 60}
    metadata = bearer(jwt.encode(claims, secret, "HS256"))
    cases = json.loads((project.folder / "decisions.json").read_text())["evaluation"]
    with project.serving() as server, stub_of(server.address) as stub:
        given = [
            stub.Check(todo_question(case["request"]), metadata=metadata, timeout=SECONDS).effect == EFFECT_ALLOW
            for case in cases
        ]
    assert len(given) == 40
    assert given == [case["expected"] for case in cases]


def test_the_quickstart_of_the_client_runs(tmp_path: Path) -> None:
    project = Project(shutil.copytree(EXAMPLES / "documents", tmp_path / "documents"))
    project.must_run("data", "import", "data.jsonl")
    with project.serving("--dev") as server:
        ended = subprocess.run(
            [sys.executable, str(EXAMPLES / "quickstart_client.py")],
            cwd=project.folder, capture_output=True, text=True, timeout=SECONDS, check=False,
            env={**os.environ, "MAGISTRATE_SERVER": server.address, "MAGISTRATE_TOKEN": server.token("User:alice")},
        )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("serve", "--help"), ("init", "--help")])
def test_help_comes_without_loading_grpc(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    subprocess.run([COMMAND[0], "-c", RUN_AND_LOOK, *arguments], cwd=tmp_path, check=True, capture_output=True)


def todo_question(request: dict[str, dict[str, object]]) -> CheckRequest:
    """One request of the AuthZEN working group as a question of ours: the owner is all that the caller asserts."""
    subject, resource = request["subject"], request["resource"]
    properties = resource.get("properties", {})
    assert isinstance(properties, dict)
    return CheckRequest(
        principal=Entity(type=str(subject["type"]), id=str(subject["id"])),
        action=str(request["action"]["name"]),
        resource=Entity(
            type=str(resource["type"]),
            id=str(resource["id"]),
            attributes={name: Value(string_value=str(value)) for name, value in properties.items()},
        ),
    )
