"""A worker killed with -9: every decision whose answer a client got is in the log, once.

What is in the log beyond that was in flight when a worker was killed: recorded, and its answer lost.
"""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from tests.e2e.asking import SECONDS, bearer, question, stub_of
from tests.e2e.reading import recorded
from tests.e2e.running import Project, Server, is_running, wait_for

KILLS = 3
ASKERS = 4
BETWEEN_KILLS = 200
"""Answers to wait for before the next kill, so that each worker dies at work."""


@dataclass
class Seen:
    """What one client saw of its questions: the decision ids of those answered, the request ids of those not."""

    answered: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


def test_a_worker_killed_during_requests_loses_no_answered_decision(project_on_each: Project) -> None:
    seen = [Seen() for _ in range(ASKERS)]
    enough = threading.Event()
    with project_on_each.serving("--dev") as server, ThreadPoolExecutor(ASKERS) as threads:
        metadata = bearer(server.token("User:alice"))
        asking = [threads.submit(ask_until, enough, server.address, metadata, each, n) for n, each in enumerate(seen)]
        try:
            for kill in range(1, KILLS + 1):
                wait_for_answers(seen, kill * BETWEEN_KILLS)
                kill_worker(server)
        finally:
            enough.set()
        for each in asking:
            each.result()
        assert server.stop() == 0
    assert_log_matches(project_on_each, seen)


def test_a_worker_killed_between_requests_loses_nothing(project: Project) -> None:
    seen = Seen()
    with project.serving("--dev") as server, stub_of(server.address) as stub:
        metadata = bearer(server.token("User:alice"))
        for round_ in range(KILLS):
            for number in range(20):
                ask(stub, metadata, seen, f"{round_}-{number}", is_patient=True)
            kill_worker(server)
        assert server.stop() == 0
    assert len(seen.answered) == KILLS * 20
    assert_log_matches(project, [seen])


def wait_for_answers(seen: list[Seen], count: int) -> None:
    wait_for(lambda: sum(len(each.answered) for each in seen) >= count)


def ask_until(
    enough: threading.Event, address: str, metadata: tuple[tuple[str, str], ...], seen: Seen, asker: int
) -> None:
    with stub_of(address) as stub:
        number = 0
        while not enough.is_set():
            ask(stub, metadata, seen, f"{asker}-{number}", is_patient=number % 2 == 0)
            number += 1


def ask(
    stub: AuthorizationServiceStub,
    metadata: tuple[tuple[str, str], ...],
    seen: Seen,
    request_id: str,
    *,
    is_patient: bool,
) -> None:
    """Asks once. The patient wait for a connection; the others fail at once while there is none."""
    try:
        answer = stub.Check(
            question("edit", "Document:plan", request_id=request_id),
            metadata=metadata,
            timeout=SECONDS,
            wait_for_ready=is_patient,
        )
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error.details()
        seen.lost.add(request_id)
    else:
        seen.answered[answer.decision_id] = request_id


def kill_worker(server: Server) -> None:
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_running(worker))
    wait_for(lambda: server.worker() != worker)


def assert_log_matches(project: Project, seen: list[Seen]) -> None:
    answered = {decision: request for each in seen for decision, request in each.answered.items()}
    lost = {request for each in seen for request in each.lost}
    log = recorded(project)
    ids = [decision for decision, _ in log]
    assert len(ids) == len(set(ids)), "a decision is in the log twice"
    assert answered.items() <= set(log), "an answered decision is not in the log"
    unanswered = [request for decision, request in log if decision not in answered]
    assert len(unanswered) == len(set(unanswered))
    assert set(unanswered) <= lost, "a record without an answer was not in flight at a kill"
    assert len(unanswered) <= ASKERS * KILLS
