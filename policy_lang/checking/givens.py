"""Reads what a test gives: rows, parents, roles and stored relations.

An entity that a `given` names as a parent, a subject or a place has an empty row where none is written, so that tests
read naturally: `given alice in Team "legal"` needs no row for the team. Not so the principals and the resources of the
test, which have the rows that are written, and otherwise none.
"""

from collections.abc import Collection, Mapping

from policy_lang.checking.cells import CellReader
from policy_lang.checking.symbols import Faults, Symbols, full_name
from policy_lang.facts import Assignment, Link
from policy_lang.syntax.cases import GivenLink, GivenParent, GivenRow, TestItem, WrittenEntity
from policy_lang.typed import EntityFixture
from policy_lang.values import Cell, Ref


class Givens:
    """What one test gives, while it is read; `cells` are the rows of its fixtures and of what it writes itself."""

    def __init__(self, symbols: Symbols, faults: Faults, reader: CellReader, module: str) -> None:
        self._schema = symbols.schema
        self._symbols = symbols
        self._faults = faults
        self._reader = reader
        self._module = module
        self._parents: dict[Ref, list[Ref]] = {}
        self._mentioned: list[Ref] = []
        self.cells: dict[Ref, Mapping[str, Cell]] = dict(reader.rows)
        self.assignments: list[Assignment] = []
        self.links: list[Link] = []

    def take(self, item: TestItem) -> None:
        """Reads one `given`; other items of a test are let by."""
        match item:
            case GivenRow():
                self._entity(item.entity, has_row=True)
            case GivenParent():
                self._given_parent(item)
            case GivenLink():
                self._given_link(item)
            case _:
                pass

    def imply_rows(self, besides: Collection[Ref]) -> None:
        """Gives an empty row to whatever was named without one, besides those of whom the test asks."""
        for ref in self._mentioned:
            if ref not in self.cells and ref not in besides:
                self.cells[ref] = self._schema.types[ref.type].complete({})

    def with_parents(self, entity: EntityFixture) -> EntityFixture:
        """The entity and the parents that were given for it."""
        return EntityFixture(entity.ref, entity.cells, tuple(self._parents.get(entity.ref, ())))

    def _entity(self, written: WrittenEntity, *, has_row: bool = False) -> Ref | None:
        """The reference of an entity that a given names; a row that is written there counts."""
        found = self._reader.entity(written)
        if found is None:
            return None
        if found.cells is not None:
            self.cells[found.ref] = found.cells
        elif has_row:
            self.cells.setdefault(found.ref, self._schema.types[found.ref.type].complete({}))
        else:
            self._mentioned.append(found.ref)
        return found.ref

    def _given_parent(self, given: GivenParent) -> None:
        child, parent = self._entity(given.child, has_row=True), self._entity(given.parent)
        if child is None or parent is None:
            return
        if parent.type not in self._schema.types[child.type].parents:
            self._faults.refuse("E503", f"a `{child.type}` is never in a `{parent.type}`", given.parent.span)
            return
        self._parents.setdefault(child, []).append(parent)

    def _given_link(self, given: GivenLink) -> None:
        subject = self._entity(given.subject)
        place = None if given.place is None else self._entity(given.place)
        if subject is None or (given.place is not None and place is None):
            return
        full = full_name(given.name, self._module)
        kind = self._symbols.kinds.get(full)
        until = self._until(given)
        if kind == "role":
            self._assign(given, full, subject, place, until)
        elif kind == "relation":
            self._link(given, full, subject, place, until)
        else:
            known = [name.removeprefix(f"{self._module}.") for name, kind in self._symbols.kinds.items()
                     if kind in {"role", "relation"}]  # fmt: skip
            self._faults.unknown("E205", "role or relation", given.name, known)

    def _until(self, given: GivenLink) -> int | None:
        if given.until is None:
            return None
        if str(given.until.type) != "timestamp" or not isinstance(given.until.value, int):
            self._faults.refuse("E502", "expected a time after `until`", given.until.span, "`2027-01-01T00:00:00Z`")
            return None
        return given.until.value

    def _assign(self, given: GivenLink, full: str, subject: Ref, place: Ref | None, until: int | None) -> None:
        on = self._schema.roles[full].on
        if on != (None if place is None else place.type):
            help_ = f"write `of {on} …`" if on else "it is held globally: leave out `of`"
            span = given.name.span if given.place is None else given.place.span
            self._faults.refuse("E503", f"role `{given.name.text}` is not held there", span, help_)
            return
        self.assignments.append(Assignment(subject, full, place, until))

    def _link(self, given: GivenLink, full: str, subject: Ref, place: Ref | None, until: int | None) -> None:
        if place is None:
            self._faults.refuse("E503", f"`{given.name.text}` of what?", given.name.span, "add `of` and a resource")
            return
        declared = self._schema.relations.get((full, place.type))
        if declared is None:
            is_computed = (full, place.type) in self._symbols.computed
            why = "is computed" if is_computed else "is not declared"
            self._faults.refuse("E503", f"relation `{given.name.text}` {why} on `{place.type}`", given.name.span)
        elif subject.type not in declared.subjects:
            either = " or ".join(f"`{type_}`" for type_ in declared.subjects)
            self._faults.refuse("E503", f"`{given.name.text}` leads to {either}", given.subject.span)
        else:
            self.links.append(Link(place, full, subject, until))
