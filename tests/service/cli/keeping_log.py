"""A log with a few records for commands to read."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from click.testing import CliRunner, Result

from policy_lang.values import Ref
from service.cli import main
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.model import DecisionRecord
from tests.service.decisions.records import sample

OLD, NEW = (
    replace(sample(), time=1_767_607_200_000 + offset, principal=Ref("User", name))
    for offset, name in ((0, "alice"), (86_400_000, "bob"))
)
"""Of two days."""
DAY: Final = "2026-01-05T00:00:00Z"
"""The first of them."""


def keep(settings: Settings, *records: DecisionRecord) -> None:
    """Leaves the records in the spool."""
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record(records)
    spool.close()


def kept(folder: Path, *records: DecisionRecord) -> Settings:
    """The settings of a log with those records."""
    settings = Settings(data=folder)
    database = open_database(settings.log_database_url)
    migrate(database, "log")
    keep(settings, *records)
    Shipper(settings.spool_folder, database).ship()
    database.close()
    return settings


def log(settings: Settings, *arguments: str) -> Result:
    """What a command makes of it."""
    return CliRunner().invoke(main, ["log", *arguments, "--data", str(settings.data)])
