"""Processes killed at any instant under load: what callers were answered is in the log, once, and nothing else is.

`make crash` runs this for 200 rounds, over both databases and both durabilities each.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.crashing import STEADY, Seen, Service, Told, crash, faults
from tests.e2e.reading import recorded
from tests.e2e.running import Project
from tests.e2e.telling import tell

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "10"))
"""How often something is killed, in all."""
SEED = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
PLACES = [("sqlite", "disk"), ("postgresql", "process"), ("sqlite", "process"), ("postgresql", "disk")]
TRIED = PLACES if ROUNDS > 10 else PLACES[:2]


@pytest.fixture
def build(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Project]:
    def built(kind: str) -> Project:
        if kind == "sqlite":
            found: Project = request.getfixturevalue("project")
            return found
        url: str = request.getfixturevalue("postgresql_url")
        project: Project = request.getfixturevalue("project")
        return project.with_settings(log_database=url)

    return built


@pytest.mark.parametrize(("database", "durability"), TRIED)
def test_what_was_answered_is_in_the_log_once_whatever_dies(
    build: Callable[[str], Project], tmp_path: Path, database: str, durability: str
) -> None:
    random.seed(SEED)
    project = build(database)
    told = crash(Service(project, durability, tmp_path / "syncs"), tmp_path, ROUNDS // len(TRIED))
    log = recorded(project)
    found = faults(told.seen, log)
    count = f"{len(log):,} in the log, {len(log) - len(told.seen.answered):,} of them without an answer"
    tell(f"{database}, durability {durability}, seed {SEED}", [*told.lines(), f"{count}; faults: {found or 'none'}"])
    assert found == {}
    assert project.run("log", "verify").returncode == 0
    # A few rounds run beside other tests, of `make test`; the rate is a claim of `make crash` alone.
    assert not (ROUNDS > 10 and told.slow), told.slow
    assert len(told.seen.answered) >= STEADY * (ROUNDS // len(TRIED))


def test_kills_under_too_few_checks_are_found() -> None:
    told = Told(Seen(), {"worker": [1200.0, 900.0, 1100.0], "supervisor": [999.0, 990.0, 2000.0]}, 0)
    assert told.slow == {"supervisor": 999.0}


SAW = Seen(answered={"r1": "d1", "r2": "d2"}, lost={"r3": "UNAVAILABLE", "r4": "UNAVAILABLE"})


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([("d1", "r1"), ("d2", "r2")], set()),
        ([("d1", "r1"), ("d2", "r2"), ("d3", "r3")], set()),
        ([("d1", "r1")], {"missing"}),
        ([("d1", "r1"), ("d2", "r2"), ("d2", "r2")], {"twice"}),
        ([("d1", "r1"), ("d2", "r2"), ("d9", "r2")], {"twice", "other"}),
        ([("d1", "r1"), ("d2", "r2"), ("d5", "r5")], {"never seen"}),
    ],
)
def test_the_comparison_finds_what_is_wrong(log: list[tuple[str, str]], found: set[str]) -> None:
    assert set(faults(SAW, log)) == found
