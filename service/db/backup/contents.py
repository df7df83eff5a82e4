"""What a copy of a database holds, as it is read back from the copy itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.db.facts_tables import FACTS
from service.db.log_tables import LOG
from service.db.versions import Kind, version_table


@dataclass(frozen=True, slots=True)
class Contents:
    """The version of the tables, how many rows each has, and of facts the revision, `epoch.n`."""

    version: str
    rows: Mapping[str, int]
    revision: str | None


def tables_of(kind: Kind) -> tuple[str, ...]:
    """The tables of that kind in one order, that of their version last."""
    tables = FACTS if kind == "facts" else LOG
    return (*sorted(tables.tables), version_table(kind))
