"""Turns the authors' tests into cases: rows, assignments and links, who asks about what, what is expected.

An entity that a `given` names as a parent, a subject or a place has an empty row where none is written, so that tests
read naturally: `given alice in Team "legal"` needs no row for the team. Not so the principal and the resource of the
test, which have the rows that are written, and otherwise none.
"""

from collections.abc import Iterable, Mapping

from policy_lang.checking.cells import CellReader
from policy_lang.checking.symbols import Declared, Faults, Symbols, full_name
from policy_lang.decision import Effect
from policy_lang.diagnostics import did_you_mean
from policy_lang.facts import Assignment, Link
from policy_lang.source import Span
from policy_lang.syntax.ast import Word
from policy_lang.syntax.statements import (
    Asks,
    Expect,
    GivenLink,
    GivenParent,
    GivenRow,
    Test,
    WrittenContext,
    WrittenEntity,
)
from policy_lang.typed import EntityFixture, Expectation, TestCase
from policy_lang.values import Cell, Ref


def check_tests(symbols: Symbols, faults: Faults) -> tuple[TestCase, ...]:
    """The cases of all tests, in the order of the files."""
    readers = {module: CellReader(symbols, faults, module) for module in sorted(symbols.modules)}
    for reader in readers.values():
        reader.read_fixtures()
    found = (_Case(symbols, faults, readers[test.module], test).check() for test in symbols.tests)
    return tuple(case for case in found if case is not None)


class _Case:
    """One test, while it is read."""

    def __init__(self, symbols: Symbols, faults: Faults, reader: CellReader, test: Declared[Test]) -> None:
        self._schema = symbols.schema
        self._symbols = symbols
        self._faults = faults
        self._reader = reader
        self._module = test.module
        self._test = test.statement
        self._cells: dict[Ref, Mapping[str, Cell]] = dict(reader.rows)
        self._parents: dict[Ref, list[Ref]] = {}
        self._mentioned: list[Ref] = []
        self._assignments: list[Assignment] = []
        self._links: list[Link] = []

    def check(self) -> TestCase | None:
        """The case; None where a fault was noted."""
        for item in self._test.items:
            self._given(item)
        principal, resource = self._asker(is_principal=True), self._asker(is_principal=False)
        context = self._context()
        expectations = tuple(self._expectations(None if resource is None else resource.ref.type))
        if principal is None or resource is None or context is None:
            return None
        for ref in self._mentioned:
            if ref not in self._cells and ref not in {principal.ref, resource.ref}:
                self._cells[ref] = self._schema.types[ref.type].complete({})
        if principal.cells is not None:
            self._cells[principal.ref] = principal.cells
        if resource.cells is not None and resource.ref in self._cells:
            self._cells[resource.ref] = resource.cells
        return TestCase(
            name=self._test.name.text,
            principal=self._with_parents(principal),
            resource=self._with_parents(resource),
            entities=tuple(
                self._with_parents(EntityFixture(ref, cells))
                for ref, cells in sorted(self._cells.items())
                if self._schema.types[ref.type].is_stored
            ),
            assignments=tuple(self._assignments),
            links=tuple(self._links),
            context=context[0],
            now=context[1],
            expectations=expectations,
            span=self._test.span,
        )

    def _with_parents(self, entity: EntityFixture) -> EntityFixture:
        return EntityFixture(entity.ref, entity.cells, tuple(self._parents.get(entity.ref, ())))

    def _given(self, item: object) -> None:
        match item:
            case GivenRow():
                self._entity(item.entity, has_row=True)
            case GivenParent():
                self._given_parent(item)
            case GivenLink():
                self._given_link(item)
            case _:
                pass

    def _entity(self, written: WrittenEntity, *, has_row: bool = False) -> Ref | None:
        """The reference of an entity that a given names; a row that is written there counts."""
        found = self._reader.entity(written)
        if found is None:
            return None
        if found.cells is not None:
            self._cells[found.ref] = found.cells
        elif has_row:
            self._cells.setdefault(found.ref, self._schema.types[found.ref.type].complete({}))
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
        self._assignments.append(Assignment(subject, full, place, until))

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
            self._links.append(Link(place, full, subject, until))

    def _asker(self, *, is_principal: bool) -> EntityFixture | None:
        """Who asks, or what about: exactly one of each."""
        found = [item for item in self._test.items if isinstance(item, Asks) and item.is_principal is is_principal]
        word = "principal" if is_principal else "resource"
        if not found:
            code = "E501" if is_principal else "E507"
            self._faults.refuse(code, f"the test names no {word}", self._test.span, f"add `{word}` and an entity")
            return None
        for extra in found[1:]:
            self._faults.refuse("E501", f"a second {word}", extra.span, "a test asks one question of each action")
        entity = self._reader.entity(found[0].entity)
        if entity is None:
            return None
        if is_principal and not self._schema.types[entity.ref.type].is_principal:
            self._faults.refuse("E503", f"a `{entity.ref.type}` is no principal", found[0].entity.span)
            return None
        if entity.cells is None and entity.ref in self._cells:
            return EntityFixture(entity.ref, self._cells[entity.ref])
        return entity

    def _context(self) -> tuple[Mapping[str, Cell], int] | None:
        """The context and the time."""
        found = [item.row for item in self._test.items if isinstance(item, WrittenContext)]
        for extra in found[1:]:
            self._faults.refuse(
                "E501", "a second context", Span(extra.span.file, extra.span.start, extra.span.start + 1)
            )
        cells = self._reader.context(found[0] if found else None)
        now = cells.get("now")
        if not isinstance(now, int):
            span = found[0].span if found else self._test.span
            self._faults.refuse(
                "E505", "the test does not say what time it is", Span(span.file, span.start, span.start + 1),
                "add `context { now: 2026-01-05T10:00:00Z }`",
            )  # fmt: skip
            return None
        return cells, now

    def _expectations(self, type_: str | None) -> Iterable[Expectation]:
        found = [item for item in self._test.items if isinstance(item, Expect)]
        if not found:
            self._faults.refuse("E506", "the test expects nothing", self._test.span, "add `expect`")
        known = self._schema.actions.get(type_ or "", {})
        for expect in found:
            if type_ is not None and expect.action.text not in known:
                self._faults.unknown("E204", "action", expect.action, known, of=type_)
            yield Expectation(
                effect=Effect.ALLOW if expect.is_allow else Effect.DENY,
                action=expect.action.text,
                by=None if expect.by is None else frozenset(self._rule_ids(expect)),
                code=None if expect.code is None else expect.code.text,
                obliges=None if expect.obliges is None else frozenset(map(_text, expect.obliges)),
                span=expect.span,
            )

    def _rule_ids(self, expect: Expect) -> Iterable[str]:
        for name in expect.by or ():
            full = full_name(name, self._module)
            if full not in self._symbols.rules:
                known = [rule.removeprefix(f"{self._module}.") for rule in self._symbols.rules]
                self._faults.refuse(
                    "E207", f"unknown rule `{name.text}`", name.span, did_you_mean(name.text, known)
                )  # fmt: skip
            yield full


def _text(word: Word) -> str:
    return word.text
