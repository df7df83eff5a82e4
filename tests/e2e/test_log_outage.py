"""The log's database goes away under load: nothing is lost, the limit holds as configured, the rest drains in order.

`make outage` runs this with an outage of minutes.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from service.db.log_tables import chain_link
from service.db.opening import open_database
from tests.e2e.crashing import RATE, Seen, Witness
from tests.e2e.own_server import OwnServer
from tests.e2e.reading import recorded
from tests.e2e.running import Project, Server, wait_for
from tests.e2e.telling import tell

SECONDS = int(os.environ.get("OUTAGE_SECONDS", "0"))
"""How long the database is away at least."""
MAX_BYTES = (1 << 20) + SECONDS * RATE * 200
"""A spool that is full before the outage is over: a record of this load has more than 400 bytes."""
POLICIES = ("refuse", "continue") if SECONDS else ("refuse",)
AUDIT = "the decision cannot be recorded"
CANNOT = "the record cannot be written"


@dataclass
class Outage:
    """What was measured meanwhile."""

    lines: list[str] = field(default_factory=list)
    unrecorded: float = 0.0


@pytest.mark.parametrize("when_full", POLICIES)
def test_an_outage_of_the_log_loses_nothing_that_was_kept(
    own_server: OwnServer, project: Project, tmp_path: Path, when_full: str
) -> None:
    logging = project.with_settings(
        log_database=own_server.url, spool__max_bytes=str(MAX_BYTES), spool__when_full=when_full
    )
    logging.must_run("db", "migrate")
    outage = Outage()
    with logging.serving("--dev") as server:
        with asking(server, tmp_path) as witness:
            witness.wait_for_answers(RATE // 5)
            go_through(own_server, server, witness, outage)
        assert server.stop() == 0
    tell(f"the log's database away, spool of {MAX_BYTES:,} bytes, {when_full} when full", outage.lines)
    assert_nothing_lost(logging, witness.seen, outage, when_full)


@contextmanager
def asking(server: Server, folder: Path) -> Iterator[Witness]:
    """Checks under way."""
    witness, token = Witness(folder / "witness"), folder / "token"
    token.write_text(server.token("User:alice", ttl=timedelta(hours=1)))
    with witness.under_way(server.address, token):
        yield witness


def go_through(own_server: OwnServer, server: Server, witness: Witness, outage: Outage) -> None:
    """The database goes, the spool fills, the database comes back, the spool drains."""
    own_server.stop()
    stopped = time.monotonic()
    wait_for(lambda: CANNOT in server.asked("/readyz")[1], patience=SECONDS + 120)
    outage.lines.append(f"the spool was full after {time.monotonic() - stopped:.1f} s")
    wait_for(lambda: time.monotonic() > stopped + SECONDS, patience=SECONDS + 1)
    wait_for(lambda: server.metric("magistrate_ship_failures_total") > 0)
    assert server.metric("magistrate_ship_lag_seconds") > 0
    outage.lines.append(f"lag {server.metric('magistrate_ship_lag_bytes'):,.0f} bytes after {SECONDS} s or more")
    own_server.start()
    started = time.monotonic()
    wait_for(lambda: server.asked("/readyz")[1] == "ready\n")
    outage.lines.append(f"it took records again {time.monotonic() - started:.1f} s after the database was back")
    witness.wait_for_answers(RATE // 5)
    wait_for(lambda: server.metric("magistrate_ship_lag_seconds") < 1.0)
    outage.lines.append(f"the log had caught up after {time.monotonic() - started:.1f} s, under the same load")
    outage.unrecorded = server.metric("magistrate_unrecorded_total")


def assert_nothing_lost(project: Project, seen: Seen, outage: Outage, when_full: str) -> None:
    log = recorded(project)
    assert seen.failed == []
    assert len(log) == len({decision for decision, _ in log})
    if when_full == "refuse":
        assert {(decision, request) for request, decision in seen.answered.items()} == set(log)
        assert AUDIT in " ".join(seen.lost.values())
        assert outage.unrecorded == 0
    else:
        assert AUDIT not in " ".join(seen.lost.values())
        # A call that the machine was too busy for may have been decided, and recorded or counted.
        assert 0 <= len(log) + outage.unrecorded - len(seen.answered) <= len(seen.lost)
        assert outage.unrecorded > 0
    ids = chained(project)
    assert ids == sorted(ids)


def chained(project: Project) -> list[str]:
    """The ids in the order of the chain; an id is made when it is decided, so they sort by that."""
    database = open_database(project.settings["log_database"])
    query = select(chain_link.c.decision_id).order_by(chain_link.c.sequence)
    with database.read() as connection:
        ids = [str(id_) for id_ in connection.execute(query).scalars()]
    database.close()
    return ids
