"""PostgreSQL goes away under load and comes back: answers from the cache for `max_staleness`, then none, no restart."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from policy_lang.values import Ref
from service.cli.init import write_starter
from service.db.opening import open_database
from service.governance.grants import Grants
from tests.e2e.asking import SECONDS, bearer, question, refusal_of, stub_of
from tests.e2e.own_server import OwnServer
from tests.e2e.running import Project, Server, wait_for

MAX_STALENESS = 3.0
MARGIN = 1.0
"""Of a busy machine, which may stop a poll between its start and its statement."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One check: when it was asked, when that ended, and how (None: allowed)."""

    at: float
    ended: float
    failure: str | None


def test_an_outage_is_bridged_for_so_long_and_survived(own_server: OwnServer, tmp_path: Path) -> None:
    write_starter(tmp_path / "project")
    url = own_server.url
    project = Project(tmp_path / "project", {"database": url, "log_database": url, "max_staleness": str(MAX_STALENESS)})
    project.must_run("db", "migrate")
    project.must_run("data", "import", "data.jsonl")
    asked: list[Asked] = []
    ended = threading.Event()

    def ask(address: str, metadata: tuple[tuple[str, str], ...]) -> None:
        with stub_of(address) as stub:
            while not ended.wait(0.005):
                began, failure = time.monotonic(), None
                try:
                    answer = stub.Check(question("edit", "Document:plan"), metadata=metadata, timeout=SECONDS)
                    assert answer.code == "ALLOWED"
                except grpc.RpcError as error:
                    refused = refusal_of(error)
                    failure = f"{refused.status.name} {refused.reason}"
                asked.append(Asked(began, time.monotonic(), failure))

    with project.serving("--dev") as server, ThreadPoolExecutor(1) as threads:
        load = threads.submit(ask, server.address, bearer(server.token("User:alice")))
        health = _health_of(server.address)
        wait_for(lambda: len(asked) > 20)
        heard = hear_of_a_change(server, url)
        own_server.stop()
        stopped = time.monotonic()
        wait_for(lambda: asked[-1].failure is not None)
        wait_for(lambda: health() == HealthCheckResponse.NOT_SERVING)
        assert not load.done()
        until = time.monotonic()
        own_server.start()
        wait_for(lambda: asked[-1].failure is None)
        wait_for(lambda: health() == HealthCheckResponse.SERVING)
        recovered = len(asked)
        wait_for(lambda: len(asked) > recovered + 50)
        ended.set()
        load.result()

    failures = [each for each in asked if each.failure]
    assert {each.failure for each in failures} == {"UNAVAILABLE FACTS_UNAVAILABLE"}
    assert failures[0].ended > heard + MAX_STALENESS - MARGIN
    assert any(each.at > stopped and each.failure is None for each in asked[: asked.index(failures[0])])
    assert all(each.failure for each in asked if stopped + MAX_STALENESS < each.at < until)
    assert all(each.failure is None for each in asked[recovered:])


def hear_of_a_change(server: Server, url: str) -> float:
    """Has the worker poll once more; when the change was committed that it heard of."""
    with closing(open_database(url)) as database:
        revision = Grants(database).give(Ref("User", "bob"), "check", None)
    committed = time.monotonic()
    fresh = question("edit", "Document:plan")
    fresh.consistency.at_least_as_fresh = revision
    with stub_of(server.address) as stub:
        stub.Check(fresh, metadata=bearer(server.token("User:alice")), timeout=SECONDS)
    return committed


def _health_of(address: str) -> Callable[[], int]:
    def status() -> int:
        with grpc.insecure_channel(address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=HealthCheckRequest.SerializeToString,
                response_deserializer=HealthCheckResponse.FromString,
            )
            asked = HealthCheckRequest(service="magistrate.v1.AuthorizationService")
            return check(asked, timeout=SECONDS).status

    return status
