"""What an operator sees from outside: readiness, policies and metrics over all processes, and an ordered end."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from magistrate.v1.authorization_pb2 import CheckRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.asking import SECONDS, bearer, question, stub_of
from tests.e2e.running import Project, Server, is_running, wait_for, wait_until

QUICK = {"watch_seconds": "0.1", "workers": "2"}


def check(server: Server, metadata: tuple[tuple[str, str], ...], times: int = 1) -> set[str]:
    """Asks over a connection of its own for each time; the digests that the answers say."""
    digests = set()
    for _ in range(times):
        with stub_of(server.address) as stub:
            answer = stub.Check(
                question("edit", "Document:plan"), metadata=metadata, timeout=SECONDS, wait_for_ready=True
            )
            digests.add(answer.policy_digest)
    return digests


def total(server: Server, name: str) -> float:
    """A metric over all its labels."""
    families = text_string_to_metric_families(server.asked("/metrics")[1])
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def policy_file(project: Project) -> Path:
    return project.folder / "policies" / "documents.policy"


def test_what_all_workers_answered_is_counted_and_outlives_them(project: Project) -> None:
    with project.with_settings(**QUICK).serving("--dev") as server:
        metadata = bearer(server.token("User:alice"))
        check(server, metadata, times=12)
        wait_until(lambda: total(server, "magistrate_decisions_total"), 12.0)
        wait_until(lambda: total(server, "magistrate_check_seconds_count"), 12.0)
        for victim in server.workers():
            os.kill(victim, signal.SIGKILL)
            assert total(server, "magistrate_decisions_total") == 12
        wait_until(lambda: total(server, "magistrate_restarts_total"), 2.0)
        wait_until(server.asked_ready, True)
        assert server.asked("/healthz") == (200, "ok\n")
        check(server, metadata)
        wait_until(lambda: total(server, "magistrate_decisions_total"), 13.0)


def test_a_broken_edit_keeps_the_last_good_policies_and_says_so(project: Project) -> None:
    good = policy_file(project).read_text()
    with project.with_settings(**QUICK).serving("--dev") as server:
        metadata = bearer(server.token("User:alice"))
        before = check(server, metadata)
        policy_file(project).write_text(good.replace("resource.owner", "resource.ownr"))
        wait_for(lambda: "did you mean `owner`?" in server.asked("/policies")[1])
        wait_for(lambda: '"event": "policies kept"' in server.log())
        assert total(server, "magistrate_policy_reloads_total") == 1
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: is_running(victim), False)
        wait_until(lambda: total(server, "magistrate_restarts_total"), 1.0)
        wait_until(server.asked_ready, True)
        assert check(server, metadata, times=8) == before
        policy_file(project).write_text(good)
        wait_for(lambda: '"refused": null' in server.asked("/policies")[1])
        assert {server.digest()} == before


def test_a_worker_that_comes_back_has_the_policies_in_force(project: Project) -> None:
    with project.with_settings(**QUICK).serving("--dev") as server:
        metadata = bearer(server.token("User:alice"))
        before = check(server, metadata)
        policy_file(project).write_text(policy_file(project).read_text() + "# more\n")
        wait_for(lambda: {server.digest()} != before)
        after = {server.digest()}
        assert check(server, metadata, times=4) == after
        for victim in server.workers():
            os.kill(victim, signal.SIGKILL)
        wait_until(lambda: total(server, "magistrate_restarts_total"), 2.0)
        assert check(server, metadata, times=8) == after


def test_a_service_that_ends_says_so_first_and_answers_meanwhile(project: Project) -> None:
    with project.with_settings(drain_delay_seconds="2").serving("--dev") as server:
        metadata = bearer(server.token("User:alice"))
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        wait_until(server.asked_ready, False)
        assert server.asked("/readyz") == (503, "the service is draining\n")
        wait_for(lambda: health(server) == HealthCheckResponse.NOT_SERVING)
        check(server, metadata)
        assert server.process.wait(SECONDS) == 0
        assert time.monotonic() - told >= 2
    assert not list((server.data / "spool").rglob("*.seg")), "something is left to ship"


def test_a_service_that_cannot_keep_its_record_is_not_ready_until_it_can(project: Project) -> None:
    with project.serving("--dev") as server:
        metadata, worker = bearer(server.token("User:alice")), server.worker()
        check(server, metadata)
        free = resource.prlimit(worker, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
        with pytest.raises(grpc.RpcError, match="the decision cannot be recorded, so it is not given"):
            check(server, metadata, times=2)
        wait_until(server.asked_ready, False)
        assert server.asked("/readyz") == (503, "the record cannot be written\n")
        resource.prlimit(worker, resource.RLIMIT_FSIZE, free)
        wait_until(server.asked_ready, True)
        check(server, metadata)


def test_a_stream_that_is_open_ends_in_order_when_the_service_does(project: Project) -> None:
    with project.serving("--dev") as server, stub_of(server.address) as stub:
        asked: SimpleQueue[CheckRequest | None] = SimpleQueue()
        questions: Iterator[CheckRequest] = iter(asked.get, None)
        answers = stub.CheckStream(questions, metadata=bearer(server.token("User:alice")), timeout=SECONDS)
        asked.put(question("edit", "Document:plan"))
        assert next(answers).response.decision_id
        server.process.send_signal(signal.SIGTERM)
        assert list(answers) == []
        asked.put(None)
        assert server.process.wait(SECONDS) == 0


def test_a_service_whose_ops_port_is_taken_is_refused(shared_server: Server, project: Project) -> None:
    said = project.refused("--ops", shared_server.ops.removeprefix("http://"))
    assert "the ops address" in said
    assert "--ops" in said


def health(server: Server) -> int:
    """What the worker that is asked says of itself."""
    with grpc.insecure_channel(server.address) as channel:
        ask = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        return ask(HealthCheckRequest(service="magistrate.v1.AuthorizationService"), timeout=SECONDS).status
