"""Reads recorded decisions from the log's database, and the policies that they were made by."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.redeciding import FindBundle
from service.config import Settings
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.replaying import recorded
from service.policies.folder import load_bundle
from service.policies.former import find_former
from service.policies.store import BundleStore


@contextmanager
def former_policies(settings: Settings, folders: Sequence[Path]) -> Iterator[FindBundle]:
    """Finds policies by their digest: in the folders, else among those that were pushed to the service's store."""
    given = {bundle.digest: bundle for bundle in map(load_bundle, folders)}
    database = open_database(settings.database_url)
    try:
        yield find_former(given, BundleStore(database) if database.exists() else None)
    finally:
        database.close()


def records_of(log: DecisionLog, wanted: LogFilter, most: int) -> Iterator[Recorded | str]:
    """Up to `most` records that fit, the newest first, with a bar on the terminal, where there is one."""
    records = recorded(log, wanted, most)
    if not sys.stderr.isatty():
        return records
    from rich.console import Console
    from rich.progress import track

    return iter(track(records, "deciding again", total=most, console=Console(stderr=True), transient=True))
