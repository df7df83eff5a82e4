"""A service's databases are made fit for use at its start, and what does not fit is refused."""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from service.config import Settings
from service.db.engine import Database
from service.db.migration import State, status
from service.db.opening import open_database
from service.db.preparing import prepare_databases
from service.db.versions import Kind, version_table
from service.errors import ConfigError, SchemaOutdated

START = """
import sys
from pathlib import Path
from service.config import Settings
from service.db.preparing import prepare_databases
prepare_databases(Settings(data=Path(sys.argv[1])))
print(*{"sqlalchemy"} & sys.modules.keys())
"""


@pytest.fixture
def migrated(sqlite_template: Path, tmp_path: Path) -> Settings:
    for name in ("facts.db", "log.db"):
        shutil.copy(sqlite_template, tmp_path / name)
    return Settings(data=tmp_path)


def opened(settings: Settings, kind: Kind) -> Database:
    return open_database({"facts": settings.database_url, "log": settings.log_database_url}[kind])


def stands(settings: Settings, kind: Kind) -> State:
    with closing(opened(settings, kind)) as database:
        return status(database, kind).state


def say_later(settings: Settings, kind: Kind) -> None:
    with closing(opened(settings, kind)) as database, database.write() as connection:
        connection.execute(text(f"UPDATE {version_table(kind)} SET version_num = '{kind}_9999'"))


def test_files_of_this_version_are_seen_to_be_without_sqlalchemy(migrated: Settings) -> None:
    command = [sys.executable, "-c", START, str(migrated.data)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == []


@pytest.mark.parametrize("kind", ["facts", "log"])
def test_a_file_that_is_absent_is_made(migrated: Settings, kind: Kind) -> None:
    (migrated.data / f"{kind}.db").unlink()
    prepare_databases(migrated)
    assert (stands(migrated, "facts"), stands(migrated, "log")) == (State.CURRENT, State.CURRENT)


@pytest.mark.parametrize("kind", ["facts", "log"])
def test_tables_of_a_later_version_are_refused(migrated: Settings, kind: Kind) -> None:
    say_later(migrated, kind)
    with pytest.raises(SchemaOutdated, match=f"the {kind} database .* unknown to this version"):
        prepare_databases(migrated)


def test_a_url_with_parameters_is_refused_although_its_file_is_current(migrated: Settings) -> None:
    told = migrated.model_copy(update={"database": f"{migrated.database_url}?mode=ro"})
    with pytest.raises(ConfigError, match="takes no parameters"):
        prepare_databases(told)
