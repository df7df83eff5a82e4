"""A worker that dies between requests takes nothing with it. (One that dies at work: test_crash.py.)"""

import os
import signal

from tests.e2e.asking import SECONDS, bearer, question, stub_of
from tests.e2e.reading import recorded
from tests.e2e.running import Project, Server, is_running, wait_for

KILLS = 3
CHECKS = 20
"""Between two kills."""


def test_a_worker_killed_between_requests_loses_nothing(project: Project) -> None:
    answered: list[tuple[str, str]] = []
    with project.serving("--dev") as server, stub_of(server.address) as stub:
        metadata = bearer(server.token("User:alice"))
        for number in range(KILLS * CHECKS):
            asked = question("edit", "Document:plan", request_id=str(number))
            answer = stub.Check(asked, metadata=metadata, timeout=SECONDS, wait_for_ready=True)
            answered.append((answer.decision_id, answer.request_id))
            if number % CHECKS == CHECKS - 1:
                kill_worker(server)
        assert server.stop() == 0
    assert sorted(recorded(project)) == sorted(answered)


def kill_worker(server: Server) -> None:
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_running(worker))
    wait_for(lambda: server.worker() != worker)
