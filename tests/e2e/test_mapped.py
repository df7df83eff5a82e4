"""A service over the tables of an application: it starts only where they fit, and says so when they do not answer."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.asking import SECONDS
from tests.e2e.running import Project, wait_for, wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "mapped"


@pytest.fixture
def application(tmp_path: Path) -> Project:
    """The example, with its database made."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "mapped")
    subprocess.run([sys.executable, str(folder / "application.py")], check=True, capture_output=True, timeout=SECONDS)
    return Project(folder).with_settings(config="magistrate.toml", sources__app__pool__breaker_failures="1")


def execute(project: Project, statement: str) -> None:
    with closing(sqlite3.connect(project.folder / "app.db")) as database:
        database.execute(statement)
        database.commit()


def test_a_mapping_that_does_not_fit_refuses_the_start_and_says_why(application: Project) -> None:
    execute(application, "ALTER TABLE people RENAME COLUMN is_active TO enabled")
    ended = application.run("serve", "--dev")
    assert ended.returncode == 2
    assert "`sources.app.types.Person.attributes.active`: there is no column `is_active` in `people`" in ended.stderr


def test_a_source_that_fails_makes_checks_unavailable_until_it_works_again(application: Project) -> None:
    with application.serving("--dev") as server:
        (application.folder / "bob.token").write_text(server.token("Person:bob"))
        asked = ("check", "edit", "Invoice:101", "--token-file", "bob.token", "--server", server.address)
        assert application.run(*asked).returncode == 0
        execute(application, "ALTER TABLE people RENAME TO gone")
        assert application.run(*asked, "--timeout", "1").returncode == 3
        wait_for(lambda: server.metric("magistrate_breaker_opened_total") >= 1)
        assert server.asked("/readyz")[0] == 200
        execute(application, "ALTER TABLE gone RENAME TO people")
        wait_for(lambda: application.run(*asked).returncode == 0)
        wait_for(lambda: server.asked("/readyz")[1] == "ready\n")


def test_a_candidate_leaves_alone_what_is_kept_of_a_source(application: Project) -> None:
    candidate = shutil.copytree(application.folder / "policies", application.folder / "candidate")
    (candidate / "more.policy").write_text("module more\nrule shut: deny edit on Invoice when resource.amount > 1\n")
    settings = {"shadow__policies": "candidate", "shadow__budget_ms": "1000", "sources__app__max_staleness": "300"}
    with application.with_settings(**settings).serving("--dev") as server:
        wait_until(lambda: server.metric("magistrate_shadow_active"), 1.0)
        (application.folder / "bob.token").write_text(server.token("Person:bob"))
        asked = ("check", "edit", "Invoice:101", "--token-file", "bob.token", "--server", server.address)
        for flips in (1.0, 2.0):
            assert application.run(*asked).returncode == 0
            wait_until(partial(server.metric, "magistrate_shadow_flips_total"), flips)
        execute(application, "ALTER TABLE people RENAME TO gone")
        assert application.run(*asked).returncode == 0
