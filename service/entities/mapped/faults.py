"""Collects what is wrong with a mapping, every fault at once, each with where it stands and what might be meant."""

from collections.abc import Iterable, Mapping

from policy_lang.diagnostics import did_you_mean
from service.db.mapped.columns import Column, Kind, MappedTable


class Faults:
    """The faults of one source, found where its settings meet the tables and the policies."""

    def __init__(self, source: str, tables: Mapping[str, MappedTable | None], known: Iterable[str]) -> None:
        """`tables` are those that the settings name, `known` the names of all that there are."""
        self._source = source
        self._tables = tables
        self._known = tuple(known)
        self.found: list[str] = []

    def add(self, where: str, what: str, help_: str = "") -> None:
        """Notes a fault."""
        self.found.append(f"`sources.{self._source}.{where}`: {what}" + (f"\nhelp: {help_}" if help_ else ""))

    def unknown(self, where: str, what: str, name: str, known: Iterable[str]) -> None:
        """Notes a name that names nothing."""
        self.add(where, f"unknown {what} `{name}`", did_you_mean(name, known))

    def table(self, where: str, name: str) -> MappedTable | None:
        """The table of that name; where there is none, that is noted."""
        table = self._tables.get(name)
        if table is None:
            self.add(where, f"there is no table or view `{name}`", did_you_mean(name, self._known))
        return table

    def column(self, where: str, table: MappedTable, name: str) -> Column | None:
        """The column of that name, whose texts are equal only if identical; where there is none, that is noted."""
        column = table.columns.get(name)
        if column is None:
            self.add(where, f"there is no column `{name}` in `{table.name}`", did_you_mean(name, table.columns))
            return None
        if column.kind in _CASELESS:
            self.add(where, f"`{table.name}.{name}` is `{column.shown}`, {column.kind.value}", _CASELESS[column.kind])
            return None
        if not column.is_exact:
            self.add(
                where, f"`{table.name}.{name}` holds texts that are equal and not identical: {column.collation}", _HOW
            )
            return None
        return column


_HOW = "give the column a deterministic collation, or map a view that does"
_CASELESS = {Kind.CITEXT: _HOW, Kind.CHAR: "make it `text` or `varchar`, or map a view that trims it"}
