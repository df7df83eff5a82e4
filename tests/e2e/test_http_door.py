"""The HTTP door of a running service: workers come and go behind it, and a caller over HTTP loses nothing."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.doors.http.server import LINGER_SECONDS
from tests.e2e.evaluating import QUESTION, is_evaluated
from tests.e2e.running import Project, Server, wait_for

EVALUATION = "/access/v1/evaluation"


def asking(server: Server) -> httpx.Client:
    """A client of alice's, which keeps its connections."""
    headers = {"Authorization": f"Bearer {server.token('User:alice')}"}
    return httpx.Client(base_url=server.http, headers=headers, trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def served(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The starter project, of the service."""
    return Project(shutil.copytree(prepared, tmp_path_factory.mktemp("served") / "project"))


@pytest.fixture(scope="module")
def server(served: Project) -> Iterator[Server]:
    """A service with an HTTP door; in the end it stops as it should, though a caller holds a connection."""
    with served.serving("--dev", "--http", "127.0.0.1:0") as server, asking(server) as idle:
        assert idle.post(EVALUATION, json=QUESTION).status_code == 200
        yield server
        assert server.stop() == 0


def test_requests_go_on_while_a_worker_is_replaced(server: Server) -> None:
    answers: list[int] = []
    done = threading.Event()

    def ask() -> None:
        with asking(server) as client:
            answered = time.monotonic()
            while not done.wait(0.005):
                try:
                    answers.append(client.post(EVALUATION, json=QUESTION).status_code)
                except httpx.TransportError:
                    # Nobody promises more, and a busy machine may stop who asks for so long.
                    assert time.monotonic() - answered > LINGER_SECONDS
                answered = time.monotonic()

    before = server.worker()
    thread = threading.Thread(target=ask)
    thread.start()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "rolling restart done" in server.log())
    done.set()
    thread.join()
    assert server.worker() != before
    assert set(answers) == {200}


def test_what_is_asked_over_http_is_counted_and_recorded_like_any_other_call(served: Project, server: Server) -> None:
    with asking(server) as client:
        assert is_evaluated(client, server)
        client.post(EVALUATION, json={**QUESTION, "context": {"weather": "fair"}}, headers={"X-Request-ID": "r-77"})
        client.post(EVALUATION, json={}, headers={"X-Request-ID": "r-78"})

    labels = 'magistrate_calls_total{call="/access/v1/evaluation",door="http",status="%d"}'
    wait_for(lambda: server.metric(labels % 200) >= 2 and server.metric(labels % 400) == 1)
    assert server.metric('magistrate_authzen_dropped_total{part="context"}') == 1
    found = served.must_run("log", "query", "--wait", "--principal", "User:alice", "--output", "jsonl")
    assert [line for line in found.splitlines() if '"r-77"' in line]


def test_an_http_address_that_is_taken_is_refused(project: Project, server: Server, tmp_path: Path) -> None:
    said = project.refused("--data", str(tmp_path / "other"), "--http", server.http.removeprefix("http://"))

    assert "is in use by another process" in said
    assert "choose another with --http" in said
