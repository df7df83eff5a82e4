"""`magistrate log` asks the service where a token or its address is given: the same answers, and who may."""

import asyncio
import csv
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.cli import main
from service.cli.calling import Connection
from service.cli.log_source import ServiceLog
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.log_filter import LogFilter
from service.doors.grpc.server import GrpcDoor
from service.model import DecisionRecord
from tests.service.cli.keeping_log import DAY, NEW, OLD
from tests.service.cli.keeping_log import log as log_here
from tests.service.decisions.chains import KEY, NORTH, SOUTH, fill, id_at, keep, tamper
from tests.service.decisions.records import sample, samples
from tests.service.doors.auditing import SCAN_LIMIT, Audit, build_audit, verifying

Done = TypeVar("Done")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def audit(settings: Settings, tmp_path: Path) -> Iterator[Audit]:
    database = open_database(settings.log_database_url)
    migrate(database, "log")
    yield build_audit(database, tmp_path)
    database.close()


def log(audit: Audit, name: str, *arguments: str) -> Result:
    """What a command makes of what the service answers the user of that name."""
    return audit.serve(
        lambda port: CliRunner().invoke(main, ["log", *arguments, "--server", f"127.0.0.1:{port}", "--token", name])
    )


COMMANDS = {
    "query": ("query", "--since", DAY, "--output", "json"),
    "query csv": ("query", "--output", "csv"),
    "query table": ("query", "--tenant", "Tenant:t1", "--principal", "User:bob"),
    "query by input": ("query", "--since", DAY, "--input", "resource.labels=b", "--output", "jsonl"),
    "show": ("show", NEW.id),
    "show json": ("show", OLD.id, "--output", "json"),
    "stats": ("stats", "--since", DAY, "--until", "2026-01-07T00:00:00Z", "--output", "json"),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_the_service_tells_the_same_as_the_database(
    audit: Audit, settings: Settings, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    keep(audit.log, tmp_path, NORTH, [OLD, NEW])
    here, there = log_here(settings, *arguments), log(audit, "auditor", *arguments)
    assert (here.exit_code, there.exit_code) == (0, 0)
    assert without_unfired(there.stdout) == without_unfired(here.stdout) != ""


def without_unfired(printed: str) -> str:
    """The host of this test has no policies in force, the service has."""
    if '"never_fired"' not in printed:
        return printed
    return json.dumps({**json.loads(printed), "never_fired": None})


def test_show_quotes_the_rules_that_the_service_has(audit: Audit, tmp_path: Path) -> None:
    record = replace(sample(), policy_digest=audit.policies.digest, rules=("shop.heavy",))
    keep(audit.log, tmp_path, NORTH, [record])
    shown = log(audit, "auditor", "show", record.id).stdout
    assert "rule heavy:    deny refund on Order when has resource.weight and resource.weight > 100 hide" in shown
    assert "not at hand" in log(audit, "local", "show", record.id).stdout


def test_pages_go_on_by_what_the_last_one_said(audit: Audit, tmp_path: Path) -> None:
    records = samples(5)
    keep(audit.log, tmp_path, NORTH, records)
    first = log(audit, "local", "query", "--tenant", "Tenant:t1", "--limit", "3", "--output", "csv")
    after = first.stderr.split()[-1]
    second = log(audit, "local", "query", "--tenant", "Tenant:t1", "--limit", "3", "--output", "csv", "--after", after)
    found = [row["decision_id"] for page in (first, second) for row in csv.DictReader(page.stdout.splitlines())]
    assert found == [record.id for record in reversed(records)]


def test_a_long_page_is_many_of_the_services(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.log_source.PAGE", 2)
    records = samples(7)
    keep(audit.log, tmp_path, NORTH, records)
    lines = log(audit, "auditor", "query", "--limit", "5", "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line)["decision_id"] for line in lines] == [record.id for record in records[:1:-1]]


@pytest.mark.parametrize("command", ["query", "stats", "tail"])
def test_who_may_not_read_is_told_what_he_lacks(audit: Audit, command: str) -> None:
    result = log(audit, "local", command)
    assert result.exit_code == 1
    assert "the caller may not `log.read` here" in result.stderr


def test_a_page_that_has_looked_far_says_where_to_go_on(audit: Audit, tmp_path: Path) -> None:
    first, *others = samples(SCAN_LIMIT + 2)
    fitting = replace(first, inputs={"context.device": "d9"})
    keep(audit.log, tmp_path, NORTH, [fitting, *others])
    looked = ("query", "--since", DAY, "--input", "context.device=d9", "--output", "jsonl")
    result = log(audit, "auditor", *looked)
    assert (result.exit_code, fitting.id in result.stdout) == (1, False)
    assert f"over the limit `log_reading.scan_records`: {SCAN_LIMIT} records were looked at" in result.stderr
    again = log(audit, "auditor", *looked, "--after", result.stderr.split()[-1])
    assert json.loads(again.stdout)["decision_id"] == fitting.id


def test_a_service_that_is_not_there_is_unavailable() -> None:
    result = CliRunner().invoke(main, ["log", "tail", "--server", "127.0.0.1:1", "--token", "x"])
    assert result.exit_code == 3


def test_a_tail_goes_on_where_it_was_when_the_service_is_back(audit: Audit, tmp_path: Path) -> None:
    before, meanwhile, after = samples(3), samples(2), samples(1)
    keep(audit.log, tmp_path, NORTH, before)
    with doors(audit) as (port, restart):
        connection = Connection(
            token="auditor", token_file=None, server=f"127.0.0.1:{port}", insecure=False, timeout=20.0,
            ca_file=None, certificate_file=None, key_file=None,
        )  # fmt: skip
        coming = ServiceLog(connection).tail(LogFilter(), 2)
        assert list(next(coming)) == before[-2:]
        restart(lambda: keep(audit.log, tmp_path, NORTH, meanwhile))
        assert told(coming, 2) == meanwhile
        keep(audit.log, tmp_path, NORTH, after)
        assert told(coming, 1) == after
        coming.close()


def test_the_service_verifies_as_the_host_does(audit: Audit, settings: Settings, tmp_path: Path) -> None:
    fill(audit.log, tmp_path)
    tamper(audit.log, f"UPDATE decision SET code = 'X' WHERE id = '{id_at(audit.log, SOUTH, 4)}'")
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    file = tmp_path / "checkpoints.jsonl"
    for form in ("table", "json"):
        arguments = ("verify", "--public-key", str(key), "--output", form)
        with verifying(audit, tmp_path):
            there = log(audit, "auditor", *arguments)
        here = log_here(settings, *arguments, "--checkpoints", str(file))
        assert (here.exit_code, there.exit_code) == (1, 1)
        assert there.stdout == here.stdout


def told(coming: Iterator[tuple[DecisionRecord, ...]], count: int) -> list[DecisionRecord]:
    """The next so many records."""
    found: list[DecisionRecord] = []
    while len(found) < count:
        found += next(coming)
    return found


@contextmanager
def doors(audit: Audit) -> Iterator[tuple[int, Callable[[Callable[[], None]], None]]]:
    """A door in a thread of its own: its port, and what closes it, does something, and opens another there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[None, None, Done]) -> Done:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    async def opened(port: int) -> tuple[GrpcDoor, int]:
        door = audit.door()
        return door, await door.open(f"127.0.0.1:{port}")

    door, port = run(opened(0))

    def restart(meanwhile: Callable[[], None]) -> None:
        nonlocal door
        run(door.close(0))
        meanwhile()
        door, _ = run(opened(port))

    try:
        yield port, restart
    finally:
        run(door.close(0))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
