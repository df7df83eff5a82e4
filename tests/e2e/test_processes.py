"""The processes' laws: no orphans, no second owner, a clean drain, a dead child comes back with the same policies."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from tests.e2e.asking import SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.running import Project, Server, is_running, wait_for, wait_until

PROMPTLY = 30.0
"""Far less than they have to finish calls here."""
NAMES = {"worker": "worker", "background": "background process"}


def test_a_service_is_a_supervisor_without_grpc_a_worker_and_a_background_process(shared_server: Server) -> None:
    commands = sorted(command.split()[-1] for command in shared_server.children().values())
    assert commands == ["service.runtime.background", "service.runtime.worker"]
    assert "cygrpc" not in Path(f"/proc/{shared_server.process.pid}/maps").read_text()
    assert "cygrpc" in Path(f"/proc/{shared_server.worker()}/maps").read_text()


def test_what_is_done_beside_answering_has_low_priority_once_there_are_policies(shared_server: Server) -> None:
    threads = Path(f"/proc/{shared_server.child('background')}/task")

    def at_normal_priority() -> int:
        return sum(os.getpriority(os.PRIO_PROCESS, int(thread.name)) == 0 for thread in threads.iterdir())

    # Who listens to the supervisor, and does nothing else, who writes the log, and who ships what has waited too long.
    wait_until(at_normal_priority, 3)
    assert os.getpriority(os.PRIO_PROCESS, shared_server.worker()) == 0


def test_children_share_a_session_so_that_priority_counts_and_no_group_so_that_ctrl_c_spares_them(
    shared_server: Server,
) -> None:
    processes = [shared_server.process.pid, *shared_server.children()]
    assert len({os.getsid(each) for each in processes}) == 1
    assert len({os.getpgid(each) for each in processes}) == 3


def test_children_are_gone_at_once_when_the_supervisor_is_killed(project: Project) -> None:
    with project.with_settings(drain_seconds="300").serving("--dev") as server:
        children = list(server.children())
        assert len(children) == 2
        server.process.kill()
        wait_for(lambda: not any(map(is_running, children)), PROMPTLY)
        with project.serving("--dev", "--grpc", server.address) as successor:
            assert successor.address == server.address


@pytest.mark.parametrize("victim", ["worker", "background"])
def test_a_child_that_is_killed_comes_back_and_the_service_answers(project: Project, victim: str) -> None:
    with project.serving("--dev") as server:
        before = server.child(victim)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: not is_running(before))
        wait_for(lambda: server.child(victim) != before)
        with stub_of(server.address) as stub:
            answer = stub.Check(
                question("edit", "Document:plan"),
                metadata=bearer(server.token("User:alice")),
                timeout=SECONDS,
                wait_for_ready=True,
            )
        assert answer.code == "ALLOWED"
        assert server.stop() == 0


@pytest.mark.parametrize("victim", ["worker", "background"])
def test_a_child_that_hangs_is_ended_and_another_takes_its_place(project: Project, victim: str) -> None:
    with project.with_settings(hung_seconds="3").serving("--dev") as server:
        before = server.child(victim)
        wait_for(lambda: f'magistrate_process_memory_bytes{{process="{NAMES[victim]}"}}' in server.asked("/metrics")[1])
        os.kill(before, signal.SIGSTOP)
        wait_for(lambda: not is_running(before))
        assert server.child(victim) != before
        wait_until(server.asked_ready, True)
        assert f'magistrate_hangs_total{{process="{NAMES[victim]}"}} 0.0' not in server.asked("/metrics")[1]
        assert '"event": "child hangs"' in server.log()


def test_a_second_service_on_the_same_address_is_refused(shared_server: Server, project: Project) -> None:
    said = project.refused("--grpc", shared_server.address)
    assert f"the address `{shared_server.address}` is in use by another process" in said


def test_a_second_service_on_the_same_folder_is_refused(shared_server: Server) -> None:
    said = Project(shared_server.data.parent).refused()
    assert f"the data folder `.magistrate` is in use by process {shared_server.process.pid}" in said
    assert shared_server.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_answers_what_it_has_begun_and_exits_zero(
    project: Project, number: signal.Signals
) -> None:
    refused: list[grpc.StatusCode] = []
    stopped = threading.Event()

    def ask() -> int:
        count = 0
        with stub_of(server.address) as stub:
            while not stopped.is_set():
                try:
                    stub.Check(question("edit", "Document:plan"), metadata=metadata, timeout=SECONDS)
                    count += 1
                    begun.set()
                except grpc.RpcError as error:
                    refused.append(refusal_of(error).status)
                    return count
        return count

    begun = threading.Event()
    with project.serving("--dev") as server, ThreadPoolExecutor(4) as threads:
        metadata = bearer(server.token("User:alice"))
        children = list(server.children())
        asking = [threads.submit(ask) for _ in range(4)]
        assert begun.wait(SECONDS)
        server.process.send_signal(number)
        assert server.process.wait(SECONDS) == 0
        stopped.set()
        answered = sum(each.result() for each in asking)
        assert not any(map(is_running, children))
    assert answered > 0
    assert set(refused) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert not list((server.data / "spool").rglob("*.seg")), "something is left to ship"
    assert "stopped" in server.log()


def test_health_says_serving(shared_server: Server) -> None:
    with grpc.insecure_channel(shared_server.address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        for service in ("", "magistrate.v1.AuthorizationService"):
            answer = check(HealthCheckRequest(service=service), timeout=SECONDS)
            assert answer.status == HealthCheckResponse.SERVING


def test_the_log_of_the_service_is_one_event_a_line_and_holds_no_token(shared_server: Server) -> None:
    token = shared_server.token("User:alice")
    with stub_of(shared_server.address) as stub:
        stub.Check(question("edit", "Document:plan"), metadata=bearer(token), timeout=SECONDS)
    lines = shared_server.log().splitlines()
    assert all(line.startswith("{") and line.endswith("}") for line in lines)
    assert token not in shared_server.log()
