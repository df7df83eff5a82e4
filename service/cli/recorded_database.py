"""Reads recorded decisions from the log's database, and the policies that they were made by."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from policy_lang.bundle import Bundle, load
from policy_lang.diagnostics import PolicyError
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.redeciding import FindBundle
from service.config import Settings
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.replaying import recorded
from service.errors import FactsUnavailable, NotFound
from service.policies.folder import load_bundle
from service.policies.store import BundleStore

T = TypeVar("T")


@contextmanager
def records_there(settings: Settings, wanted: LogFilter, most: int) -> Iterator[Iterator[Recorded | str]]:
    """Up to `most` records that fit, the newest first; FactsUnavailable where there is no log."""
    database = open_database(settings.log_database_url)
    try:
        if not database.exists():
            raise FactsUnavailable(f"there is no decision log {database.name}")
        yield recorded(DecisionLog(database), wanted, most)
    finally:
        database.close()


@contextmanager
def former_policies(settings: Settings, folders: Sequence[Path]) -> Iterator[FindBundle]:
    """Finds policies by their digest: in the folders, else among those that were pushed to the service's store."""
    given: Mapping[str, Bundle] = {bundle.digest: bundle for bundle in map(load_bundle, folders)}
    database = open_database(settings.database_url)
    store = BundleStore(database) if database.exists() else None

    def find(digest: str) -> Bundle | None:
        if digest in given or store is None:
            return given.get(digest)
        try:
            _, texts = store.fetch(digest)
            bundle = load(texts)
        except (NotFound, PolicyError, FactsUnavailable):
            return None
        return bundle if bundle.digest == digest else None

    try:
        yield find
    finally:
        database.close()


def shown(items: Iterable[T], most: int) -> Iterator[T]:
    """The items as they are, with a bar on the terminal, where there is one."""
    if not sys.stderr.isatty():
        return iter(items)
    from rich.console import Console
    from rich.progress import track

    return iter(track(items, "deciding again", total=most, console=Console(stderr=True), transient=True))
