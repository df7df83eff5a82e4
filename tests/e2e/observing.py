"""A service of which everything that can be told is told, for tests of what observes it."""

from collections.abc import Iterator
from contextlib import contextmanager

from magistrate.v1.authorization_pb2 import BatchCheckRequest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.running import Project, Server, wait_for

SETTINGS = """\
checkpoint_seconds = 0.2
workers = 2

[[record.drop]]
name = "reads"
actions = ["read"]

[retention]
default = "365d"
"""
READ, EDIT = question("read", "Document:plan"), question("edit", "Document:plan")
FOR_NOBODY = question("read", "Document:plan")
FOR_NOBODY.principal_token = "no token"


@contextmanager
def observed(project: Project) -> Iterator[Server]:
    """A service over the starter project on PostgreSQL, with calls of every kind behind it."""
    (project.folder / "observed.toml").write_text(SETTINGS)
    with project.serving("--dev", "--config", "observed.toml") as server:
        exercise(server)
        yield server


def exercise(server: Server) -> None:
    """Asks, is refused, fails; returns when the service tells of it."""
    who = bearer(server.token("User:alice"))
    with stub_of(server.address) as stub:
        for asked in (READ, EDIT):
            stub.Check(asked, metadata=who, timeout=SECONDS)
        stub.BatchCheck(BatchCheckRequest(checks=[READ, EDIT]), metadata=who, timeout=SECONDS)
        list(stub.CheckStream(iter([READ]), metadata=who, timeout=SECONDS))
        refusal(stub, READ, bearer("no token"))
        refusal(stub, question("read", ""), who)
        refusal(stub, FOR_NOBODY, who)
    wait_for(lambda: server.metric("magistrate_calls_total") >= 7)
    wait_for(lambda: server.asked("/metrics")[1].count("magistrate_process_memory_bytes{") == 4)
    wait_for(lambda: server.metric("magistrate_retention_success_timestamp_seconds"))
    wait_for(lambda: "\nmagistrate_break_glass_active{" in server.asked("/metrics")[1])


def scraped(server: Server) -> dict[str, Metric]:
    """What it tells, by the names that the code has."""
    families = text_string_to_metric_families(server.asked("/metrics")[1])
    return {family.name: family for family in families}
