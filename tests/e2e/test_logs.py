"""What callers are told of a failure leads to its line in the log, and no line anywhere shows a secret."""

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status.rpc_status import from_call

from policy_lang.types import Json
from tests.e2e.asking import SECONDS, bearer, question, stub_of
from tests.e2e.running import Project, Server

READ = question("read", "Document:plan")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PART_OF = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00")
BEFORE_SECRET = re.compile(r"^(?:mk_[0-9a-f]{16}_|ms_|.*\.)")
"""What stands before what is secret of a credential, which may have the signs that part it, too."""
LEAST = 12
"""Shorter lines of a file are no secret: what frames a PEM, the names of keys."""


@dataclass(frozen=True, slots=True)
class Logged:
    """All lines that a service and its processes wrote, and what they must not show."""

    text: str
    said: list[dict[str, Json]]
    request_ids: dict[str, str]
    secrets: set[str]


@pytest.fixture(scope="module")
def logged(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """The log of a service to which every kind of secret was shown, in ways that fail and in ways that do not."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("logged") / "project")
    mask_key = folder / "mask.key"
    mask_key.write_text(secrets.token_hex(32))
    mask_key.chmod(0o600)
    (folder / "logged.toml").write_text(
        '[record]\nmask_key_file = "mask.key"\nmask = [{ path = "context.ip", how = "hash" }]\n'
        '[tracing]\nendpoint = "http://127.0.0.1:1"\nratio = 1.0\n'
    )
    project = Project(folder, {"http": "127.0.0.1:0"})
    with project.serving("--dev", "--config", "logged.toml") as server:
        shown = present_all(project, server)
        request_ids = {"grpc": failed(server), "http": failed_over_http(server)}
        shown |= {line for file in (server.data / "dev").rglob("*") if file.is_file() for line in lines_of(file)}
        assert server.stop() == 0
        text = server.log()
    said = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    yield Logged(text, said, request_ids, shown | {mask_key.read_text()})


def lines_of(file: Path) -> set[str]:
    lines = file.read_bytes().decode("latin-1").splitlines()
    return {line for line in lines if len(line) >= LEAST and not line.startswith("-----")}


def present_all(project: Project, server: Server) -> set[str]:
    """Shows credentials that are good, forged, ended, made up, too long, in the wrong place; what of them is secret."""
    good, ended = server.token("User:alice"), server.token("User:bob", now=1.0)
    signed, _, signature = good.rpartition(".")
    own = ("--token", good, "--server", server.address)
    key = project.must_run("key", "create", "ci", "--principal", "User:alice", *own).strip()
    session = project.must_run("session", "open", "User:alice", *own).strip()
    made_up = [f"mk_0123456789abcdef_{'k' * 43}", f"ms_{'s' * 43}", "o" * 40, "l" * 9000]
    presented = [good, ended, f"{signed}.{signature[::-1]}", key, session, *made_up]
    with stub_of(server.address) as stub:
        for each in presented:
            asked = question("read", "Document:plan", ip="203.0.113.9")
            asked.principal_token = each
            for metadata in (bearer(each), (*bearer(each), *bearer(good)), bearer(good)):
                with suppress(grpc.RpcError):
                    stub.Check(asked, metadata=metadata, timeout=SECONDS)
    return {part for each in presented for part in (each, BEFORE_SECRET.sub("", each))}


def failed(server: Server) -> str:
    """The request id of a call without a good credential, over gRPC."""
    info = ErrorInfo()
    with stub_of(server.address) as stub:
        try:
            stub.Check(READ, metadata=(*bearer("no token"), PART_OF), timeout=SECONDS)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            status = from_call(error)
            assert status is not None
            status.details[0].Unpack(info)
    return info.metadata["request_id"]


def failed_over_http(server: Server) -> str:
    """The same over HTTP."""
    headers = {"content-type": "application/json", "authorization": "Bearer no-token", PART_OF[0]: PART_OF[1]}
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{server.http}/access/v1/evaluation", b"{}", headers), timeout=SECONDS)
    with refused.value as error:
        assert error.code == HTTPStatus.UNAUTHORIZED
        return str(error.headers["x-request-id"])


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_the_id_that_a_caller_sees_is_that_of_the_line_with_the_cause(logged: Logged, door: str) -> None:
    (line,) = [each for each in logged.said if each.get("request_id") == logged.request_ids[door]]
    assert (line["event"], line["room"], line["reason"]) == ("call failed", door, "UNAUTHENTICATED")
    assert line["rpc"] == "AuthorizationService.Check"
    assert line["cause"]
    assert line["trace_id"] == TRACE


def test_every_process_logs_lines_of_json(logged: Logged) -> None:
    assert {"supervisor", "policies", "grpc", "http"} <= {str(line.get("room")) for line in logged.said}
    assert len(logged.said) == len(logged.text.splitlines())


def test_no_line_shows_a_secret(logged: Logged) -> None:
    assert len(logged.secrets) > 15
    assert [secret[:8] for secret in logged.secrets if secret in logged.text] == []
