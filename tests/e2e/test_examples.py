"""What a newcomer runs works as it stands: the starter, the examples."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from magistrate_client import EntityRef, Magistrate, Question, Resource
from tests.e2e.asking import SECONDS
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


def test_the_forty_questions_and_three_batches_of_authzen_todo_come_out_as_expected(tmp_path: Path) -> None:
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
    token = jwt.encode(claims, secret, "HS256")
    cases = json.loads((project.folder / "decisions.json").read_text())
    singles, batches = cases["evaluation"], cases["evaluations"]
    with project.serving("--http", "127.0.0.1:0") as server, Magistrate(server.address, token=token) as client:
        given = [bool(*client.check_many([todo_question(case["request"])])) for case in singles]
        in_batches = [[bool(each) for each in client.check_many(todo_batch(case["request"]))] for case in batches]
        with httpx.Client(base_url=server.http, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
            over_http = [http.post("/access/v1/evaluation", json=case["request"]).json() for case in singles]
            many = [http.post("/access/v1/evaluations", json=case["request"]).json() for case in batches]
    assert (len(given), len(in_batches)) == (40, 3)
    assert given == [each["decision"] for each in over_http] == [case["expected"] for case in singles]
    expected = [[each["decision"] for each in case["expected"]] for case in batches]
    assert in_batches == [[each["decision"] for each in answer["evaluations"]] for answer in many] == expected


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


def todo_question(request: Mapping[str, Any]) -> Question:
    """One request of the AuthZEN working group as a question of ours: the owner is all that the caller asserts."""
    subject, resource = request["subject"], request["resource"]
    return Question(
        str(request["action"]["name"]),
        Resource(str(resource["type"]), str(resource["id"]), resource.get("properties", {})),
        principal=EntityRef(str(subject["type"]), str(subject["id"])),
    )


def todo_batch(request: Mapping[str, Any]) -> list[Question]:
    """Several requests in one: each takes from the whole what it does not say itself."""
    shared = {name: value for name, value in request.items() if name != "evaluations"}
    return [todo_question({**shared, **each}) for each in request["evaluations"]]
