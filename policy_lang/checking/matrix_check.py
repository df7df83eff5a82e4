"""Reads the table of a test: for each of its principals and resources, what is expected of each of its actions.

What a matrix does not list it expects to be denied, so that a table says who may do what, and that nobody else may.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from policy_lang.checking.cells import CellReader
from policy_lang.checking.expectations import ExpectationReader, unlisted
from policy_lang.checking.grants import actions_named
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.diagnostics import did_you_mean
from policy_lang.limits import MATRIX_LIMIT
from policy_lang.source import Span
from policy_lang.syntax.ast import EntityLiteral, Name, Word
from policy_lang.syntax.cases import Matrix, MatrixExpect, WrittenEntity
from policy_lang.typed import EntityFixture, Expectation
from policy_lang.values import Ref


@dataclass(frozen=True, slots=True)
class Place:
    """A principal or a resource of a matrix, as its author calls it."""

    label: str
    entity: EntityFixture
    span: Span


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One principal and one resource of a matrix, and what is expected of each action there."""

    principal: Place
    resource: Place
    expectations: tuple[Expectation, ...]


_Cell = tuple[Ref, Ref, str]


class MatrixReader:
    """Reads the matrices of the tests of one module."""

    def __init__(self, symbols: Symbols, faults: Faults, cells: CellReader, expectations: ExpectationReader) -> None:
        self._symbols = symbols
        self._faults = faults
        self._cells = cells
        self._expectations = expectations

    def rows(self, matrix: Matrix) -> tuple[MatrixRow, ...]:
        """Every row; none of a matrix that is too large, or has nobody or nothing in it."""
        principals = tuple(self._axis(matrix.principals))
        resources = tuple(self._axis(matrix.resources))
        actions = self._actions(matrix, resources)
        size = len(principals) * sum(len(actions[place.entity.ref.type]) for place in resources)
        if size > MATRIX_LIMIT:
            message = f"a matrix has at most {MATRIX_LIMIT} cells (this one has {size})"
            self._faults.refuse("E408", message, matrix.span, "make two tests of it")
            return ()
        listed = self._listed(matrix, (principals, resources), actions)
        return tuple(
            MatrixRow(principal, resource, tuple(self._row(principal, resource, actions, (listed, matrix.span))))
            for principal, resource in product(principals, resources)
        )

    def _row(
        self,
        principal: Place,
        resource: Place,
        actions: Mapping[str, Sequence[str]],
        said: tuple[Mapping[_Cell, Expectation], Span],
    ) -> Iterator[Expectation]:
        listed, span = said
        for action in actions[resource.entity.ref.type]:
            found = listed.get((principal.entity.ref, resource.entity.ref, action))
            yield found or unlisted(action, span)

    def _axis(self, written: Iterable[WrittenEntity]) -> Iterator[Place]:
        """The entities along one side, each once."""
        seen: set[Ref] = set()
        for each in written:
            entity = self._cells.entity(each)
            if entity is None:
                continue
            if entity.ref in seen:
                self._faults.refuse("E210", f"`{entity.ref}` stands here twice", each.span)
                continue
            seen.add(entity.ref)
            yield Place(" ".join(each.subject.span.text.split()), entity, each.span)

    def _actions(self, matrix: Matrix, resources: Iterable[Place]) -> Mapping[str, Sequence[str]]:
        """Type → the actions that the matrix has on it, in the order of the text."""
        types = sorted({place.entity.ref.type for place in resources})
        declared = self._symbols.schema.actions
        if matrix.actions is None:
            return {type_: tuple(declared.get(type_, ())) for type_ in types}
        return {type_: tuple(dict.fromkeys(self._named(matrix.actions, type_, types))) for type_ in types}

    def _named(self, words: Iterable[Word], type_: str, types: Sequence[str]) -> Iterator[str]:
        """The actions of a type by these names; a name that is none on any of the types is a fault."""
        actions, groups = self._symbols.schema.actions, self._symbols.groups
        for word in words:
            found = actions_named(word, type_, actions, groups)
            if found is None and not any(actions_named(word, other, actions, groups) for other in types):
                known = [*actions.get(type_, ()), *groups.get(type_, ())]
                help_ = did_you_mean(word.text, known)
                self._faults.refuse("E204", f"unknown action `{word.text}` of `{type_}`", word.span, help_)
            yield from (action for action in actions.get(type_, ()) if action in (found or ()))

    def _listed(
        self, matrix: Matrix, axes: tuple[Sequence[Place], Sequence[Place]], actions: Mapping[str, Sequence[str]]
    ) -> Mapping[_Cell, Expectation]:
        """What the lines of the matrix say, by cell; two that speak of one cell are a fault."""
        listed: dict[_Cell, Expectation] = {}
        for expect in matrix.expects:
            faults = len(self._faults)
            cells = list(self._cells_of(expect, axes, actions))
            for cell in cells:
                if cell in listed:
                    principal, resource, action = cell
                    message = f"`{action}` on `{resource}` to `{principal}` is listed already"
                    self._faults.refuse("E508", message, expect.answer.span, "each cell stands in one line")
                listed[cell] = self._expectations.read(cell[2], expect.answer)
            if not cells and len(self._faults) == faults:
                message = "no action of this line is one of its resources"
                self._faults.refuse("E508", message, expect.answer.span, "name other actions, or other resources")
        return listed

    def _cells_of(
        self, expect: MatrixExpect, axes: tuple[Sequence[Place], Sequence[Place]], actions: Mapping[str, Sequence[str]]
    ) -> Iterator[_Cell]:
        principals = self._named_places(expect.principals, axes[0], "principals")
        resources = self._named_places(expect.resources, axes[1], "resources")
        for resource in resources:
            for action in self._actions_of(expect, resource, actions):
                yield from ((principal, resource, action) for principal in principals)

    def _actions_of(self, expect: MatrixExpect, resource: Ref, actions: Mapping[str, Sequence[str]]) -> Sequence[str]:
        known = actions[resource.type]
        if expect.actions is None:
            return known
        named = tuple(self._named(expect.actions, resource.type, tuple(actions)))
        for word in expect.actions:
            found = actions_named(word, resource.type, self._symbols.schema.actions, self._symbols.groups)
            if found and not found <= set(known):
                message = f"`{word.text}` is no action of the matrix"
                self._faults.refuse("E508", message, word.span, "add it to `actions`")
        return tuple(action for action in named if action in known)

    def _named_places(
        self, named: Sequence[Name | EntityLiteral] | None, places: Sequence[Place], axis: str
    ) -> tuple[Ref, ...]:
        """Those of an axis that a line names; all for `any`."""
        known = {place.entity.ref for place in places}
        if named is None:
            return tuple(place.entity.ref for place in places)
        found: list[Ref] = []
        for each in named:
            ref = self._cells.reference(each)
            if ref is not None and ref not in known:
                text = " ".join(each.span.text.split())
                self._faults.refuse("E508", f"`{text}` is not in the matrix", each.span, f"add it to `{axis}`")
            elif ref is not None:
                found.append(ref)
        return tuple(found)
