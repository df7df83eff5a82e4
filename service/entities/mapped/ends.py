"""Reads references out of rows of the application, and says by which keys the rows of some are found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy_lang.values import Ref
from service.db.mapped.columns import Kind, MappedTable
from service.entities.mapped.faults import Faults
from service.entities.mapped.keys import KEY_KINDS, id_of
from service.entities.mapped.raw import Raw
from service.source_settings import EndSettings


class Layout:
    """The columns that a statement reads of a table, each once, and where each stands in the row's values."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, column: str) -> int:
        """Where that column's value will stand."""
        return self._places.setdefault(column, len(self._places))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in their order."""
        return tuple(self._places)


@dataclass(frozen=True, slots=True)
class End:
    """A reference in a row: the place of its id, and its type, fixed or by the value at another place."""

    column: str
    kind: Kind
    at: int
    type: str | None
    type_column: str | None
    type_at: int | None
    types: Mapping[str, str]

    def ref(self, values: Sequence[Raw]) -> Ref | None:
        """Whom the row means; None where it is nobody, of no type that is mapped, or by no id."""
        type_ = self.type_of(values)
        id_ = id_of(self.kind, values[self.at])
        return None if type_ is None or id_ is None else Ref(type_, id_)

    def type_of(self, values: Sequence[Raw]) -> str | None:
        """The type that the row means; None for one that is not mapped."""
        if self.type_at is None:
            return self.type
        said = values[self.type_at]
        return self.types.get(str(said)) if isinstance(said, str | int) else None

    def is_empty(self, values: Sequence[Raw]) -> bool:
        """Whether nothing stands there."""
        return values[self.at] is None

    def variants(self) -> Iterator[tuple[str, str | None]]:
        """Each type that it may lead to, with what its column says of that; None where the type is fixed."""
        if self.type is not None:
            yield self.type, None
        else:
            yield from ((type_, said) for said, type_ in self.types.items())


def end_of(where: str, how: EndSettings, table: MappedTable, layout: Layout, faults: Faults) -> End | None:
    """The end that the settings mean; None where its columns are not such."""
    column = faults.column(f"{where}.column", table, how.column)
    said = faults.column(f"{where}.type_column", table, how.type_column) if how.type_column is not None else None
    if column is None or (how.type_column is not None and said is None):
        return None
    if column.kind not in KEY_KINDS:
        faults.add(where, f"`{table.name}.{column.name}` is {column.kind.value} (`{column.shown}`), and no id", IDS)
        return None
    for value in how.types:
        if ":" in value:
            faults.add(f"{where}.types", f"`{value}` has a colon, which parts a type from an id")
    return End(
        column=column.name,
        kind=column.kind,
        at=layout.place(column.name),
        type=how.type,
        type_column=how.type_column,
        type_at=layout.place(how.type_column) if how.type_column is not None else None,
        types=how.types,
    )


IDS = "ids are text, whole numbers or UUIDs"
