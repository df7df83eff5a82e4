"""Turns the authors' tests into cases: what is given, who asks about what, what is expected.

A test asks of one principal and one resource, or it holds a matrix; that gives a case for each pair in it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from policy_lang.checking.cells import CellReader
from policy_lang.checking.expectations import ExpectationReader
from policy_lang.checking.givens import Givens
from policy_lang.checking.matrix_check import MatrixReader, Place
from policy_lang.checking.symbols import Declared, Faults, Symbols
from policy_lang.source import Span
from policy_lang.syntax.cases import Asks, Expect, Matrix, Test, WrittenContext
from policy_lang.typed import EntityFixture, Expectation, TestCase
from policy_lang.values import Cell, Ref


def check_tests(symbols: Symbols, faults: Faults) -> tuple[TestCase, ...]:
    """The cases of all tests, in the order of the files."""
    readers = {module: CellReader(symbols, faults, module) for module in sorted(symbols.modules)}
    for reader in readers.values():
        reader.read_fixtures()
    found = (_Case(symbols, faults, readers[test.module], test).check() for test in symbols.tests)
    return tuple(case for cases in found for case in cases)


class _Case:
    """One test, while it is read."""

    def __init__(self, symbols: Symbols, faults: Faults, reader: CellReader, test: Declared[Test]) -> None:
        self._schema = symbols.schema
        self._faults = faults
        self._reader = reader
        self._test = test.statement
        self._given = Givens(symbols, faults, reader, test.module)
        self._expectations = ExpectationReader(symbols, faults, test.module)
        self._matrices = MatrixReader(symbols, faults, reader, self._expectations)

    def check(self) -> tuple[TestCase, ...]:
        """The cases; none where a fault was noted."""
        for item in self._test.items:
            self._given.take(item)
        matrices = [item for item in self._test.items if isinstance(item, Matrix)]
        return self._table(matrices) if matrices else self._plain()

    def _plain(self) -> tuple[TestCase, ...]:
        """The one case of a test without a matrix."""
        principal, resource = self._asker(is_principal=True), self._asker(is_principal=False)
        context = self._context()
        expectations = tuple(self._expected(None if resource is None else resource.ref.type))
        if principal is None or resource is None or context is None:
            return ()
        self._given.imply_rows({principal.ref, resource.ref})
        self._store([principal], [resource])
        return (self._case(principal, resource, context, expectations),)

    def _table(self, matrices: Sequence[Matrix]) -> tuple[TestCase, ...]:
        """A case for each principal and resource of the matrix."""
        self._refuse_beside(matrices)
        context = self._context()
        rows = self._matrices.rows(matrices[0])
        principals, resources = _once(row.principal for row in rows), _once(row.resource for row in rows)
        may_ask = [self._may_ask(place.entity.ref, place.span) for place in principals.values()]
        if context is None or not all(may_ask):
            return ()
        asked = {ref: self._with_row(place.entity) for ref, place in (principals | resources).items()}
        self._given.imply_rows(asked)
        self._store([asked[ref] for ref in principals], [asked[ref] for ref in resources])
        return tuple(
            self._case(
                asked[row.principal.entity.ref], asked[row.resource.entity.ref], context, row.expectations,
                row=(row.principal.label, row.resource.label),
            )
            for row in rows
        )  # fmt: skip

    def _refuse_beside(self, matrices: Sequence[Matrix]) -> None:
        for extra in matrices[1:]:
            self._faults.refuse("E501", "a second matrix", extra.span, "make a test of it")
        for item in self._test.items:
            if isinstance(item, Asks | Expect):
                span = item.span if isinstance(item, Asks) else item.answer.span
                self._faults.refuse("E501", "a matrix says who asks, about what, and what to expect", span)

    def _store(self, principals: Iterable[EntityFixture], resources: Iterable[EntityFixture]) -> None:
        """Keeps the rows of those asked of as stored ones; the resource's only where it is a changed one."""
        cells = self._given.cells
        cells.update({each.ref: each.cells for each in principals if each.cells is not None})
        cells.update({each.ref: each.cells for each in resources if each.cells is not None and each.ref in cells})

    def _case(
        self,
        principal: EntityFixture,
        resource: EntityFixture,
        context: tuple[Mapping[str, Cell], int],
        expectations: tuple[Expectation, ...],
        *,
        row: tuple[str, str] | None = None,
    ) -> TestCase:
        given = self._given
        return TestCase(
            name=self._test.name.text,
            principal=given.with_parents(principal),
            resource=given.with_parents(resource),
            entities=tuple(
                given.with_parents(EntityFixture(ref, cells))
                for ref, cells in sorted(given.cells.items())
                if self._schema.types[ref.type].is_stored
            ),
            assignments=tuple(given.assignments),
            links=tuple(given.links),
            context=context[0],
            now=context[1],
            expectations=expectations,
            span=self._test.span,
            row=row,
        )

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
        if is_principal and not self._may_ask(entity.ref, found[0].entity.span):
            return None
        return self._with_row(entity)

    def _may_ask(self, ref: Ref, span: Span) -> bool:
        is_principal = self._schema.types[ref.type].is_principal
        if not is_principal:
            self._faults.refuse("E503", f"a `{ref.type}` is no principal", span)
        return is_principal

    def _with_row(self, entity: EntityFixture) -> EntityFixture:
        """The entity, with the row that a fixture or a `given` has for it where it brings none itself."""
        return EntityFixture(entity.ref, self._given.cells.get(entity.ref)) if entity.cells is None else entity

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

    def _expected(self, type_: str | None) -> Iterator[Expectation]:
        found = [item for item in self._test.items if isinstance(item, Expect)]
        if not found:
            self._faults.refuse("E506", "the test expects nothing", self._test.span, "add `expect`")
        known = self._schema.actions.get(type_ or "", {})
        for expect in found:
            if type_ is not None and expect.action.text not in known:
                self._faults.unknown("E204", "action", expect.action, known, of=type_)
            yield self._expectations.read(expect.action.text, expect.answer)


def _once(places: Iterable[Place]) -> dict[Ref, Place]:
    return {place.entity.ref: place for place in places}
