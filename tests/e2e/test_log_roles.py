"""The service runs whole with a log of its own, as a user who may add records and do no more."""

import psycopg
import pytest

from service.db.engine import Database
from tests.e2e.running import Project
from tests.service.db.log_members import log_members


def test_a_service_under_its_role_serves_and_stops_and_an_auditor_reads(
    project: Project, postgresql: Database, postgresql_url: str
) -> None:
    with log_members(postgresql, postgresql_url) as members:
        service = project.with_settings(log_database=members.url("service"))
        auditor = project.with_settings(log_database=members.url("reader"))
        with service.serving("--dev") as server:
            (project.folder / "alice.token").write_text(server.token("User:alice"))
            asking = ("--server", server.address, "--token-file", "alice.token")
            service.must_run("check", "read", "Document:plan", *asking)
            assert "Document:plan" in auditor.must_run("log", "query", "--wait")
            assert server.stop() == 0
            assert "permission denied" not in server.log()
        assert "sound" in auditor.must_run("log", "verify", "--checkpoints", ".magistrate/checkpoints.jsonl")
        with psycopg.connect(service.settings["log_database"]) as connection:
            assert connection.execute("SELECT count(*) > 3 FROM magistrate_log_partitions()").fetchone() == (True,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM decision")
