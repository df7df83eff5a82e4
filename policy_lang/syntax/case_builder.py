"""Builds fixtures and tests: a method for each of the grammar's rules, called as its text is recognised."""

from typing import Final

from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.syntax import cases
from policy_lang.syntax.ast import EntityLiteral, ListLiteral, Literal, Name, Word
from policy_lang.syntax.clauses import Clause, Clauses
from policy_lang.syntax.reading import Lexeme, between, deeper_record, quoted, span_of, word
from policy_lang.syntax.rule_builder import RuleBuilder

_ROW_LIMIT: Final = RECORD_NESTING_LIMIT + 1
"""A row, and the records in it."""


class PolicyBuilder(RuleBuilder):
    """Methods for every rule of the grammar."""

    def fixture(self, name: Lexeme, entity: EntityLiteral, row: cases.WrittenRow | None) -> cases.Fixture:
        """`fixture alice = User "alice" { … }`."""
        return cases.Fixture(word(name), self.who(entity, row))

    def who(self, subject: "Name | EntityLiteral", row: cases.WrittenRow | None) -> cases.WrittenEntity:
        """An entity, by fixture or by type and id, perhaps with a row."""
        span = subject.span if row is None else between(subject.span, row.span)
        return cases.WrittenEntity(subject, row, span)

    def row(self, left: Lexeme, cells: tuple[cases.WrittenCell, ...] | None, right: Lexeme) -> cases.WrittenRow:
        """`{ name: value, … }`."""
        span = between(span_of(left), span_of(right))
        below = (cell.value.depth for cell in cells or () if isinstance(cell.value, cases.WrittenRow))
        depth = deeper_record(span, below, _ROW_LIMIT)
        return cases.WrittenRow(cells or () if depth <= _ROW_LIMIT else (), span, depth)

    def cells(self, *cells: cases.WrittenCell) -> tuple[cases.WrittenCell, ...]:
        """The cells of a row."""
        return cells

    def cell(
        self, name: Lexeme, value: "Literal | Name | EntityLiteral | ListLiteral | cases.WrittenRow"
    ) -> cases.WrittenCell:
        """`name: value`."""
        return cases.WrittenCell(word(name), value)

    def test(self, _: Lexeme, name: Lexeme, *items: cases.TestItem) -> cases.Test:
        """`test "…" { … }`."""
        title = quoted(name)
        return cases.Test(title, items, title.span)

    def given_row(self, entity: cases.WrittenEntity) -> cases.GivenRow:
        """`given Team "legal" {}`."""
        return cases.GivenRow(entity)

    def given_parent(self, child: cases.WrittenEntity, parent: cases.WrittenEntity) -> cases.GivenParent:
        """`given alice in Team "legal"`."""
        return cases.GivenParent(child, parent)

    def given_link(
        self,
        subject: cases.WrittenEntity,
        name: Name,
        place: cases.WrittenEntity | None,
        until: Literal | None,
    ) -> cases.GivenLink:
        """`given alice is editor of Tenant "t1" until 2027-01-01T00:00:00Z`."""
        return cases.GivenLink(subject, name, place, until)

    def asks(self, keyword: Lexeme, entity: cases.WrittenEntity) -> cases.Asks:
        """`principal alice`, `resource plan`."""
        return cases.Asks(str(keyword) == "principal", entity, span_of(keyword))

    def test_context(self, row: cases.WrittenRow) -> cases.WrittenContext:
        """`context { … }`."""
        return cases.WrittenContext(row)

    def matrix(
        self,
        keyword: Lexeme,
        principals: tuple[cases.WrittenEntity, ...],
        resources: tuple[cases.WrittenEntity, ...],
        actions: "tuple[Word, ...] | Lexeme",
        *expects: cases.MatrixExpect,
    ) -> cases.Matrix:
        """`matrix { principals … resources … actions … expect … }`."""
        return cases.Matrix(principals, resources, _unless_any(actions), expects, span_of(keyword))

    def matrix_principals(self, _: Lexeme, *entities: cases.WrittenEntity) -> tuple[cases.WrittenEntity, ...]:
        """`principals alice, bob`."""
        return entities

    matrix_resources = matrix_principals

    def matrix_actions(self, actions: "tuple[Word, ...] | Lexeme") -> "tuple[Word, ...] | Lexeme":
        """`actions read, edit`, `actions any`."""
        return actions

    def some(self, *entities: "Name | EntityLiteral | Lexeme") -> tuple[Name | EntityLiteral, ...] | None:
        """`alice, bob`, or `any`."""
        return tuple(each for each in entities if isinstance(each, Name | EntityLiteral)) or None

    def matrix_expect(
        self,
        keyword: Lexeme,
        effect: Lexeme,
        actions: "tuple[Word, ...] | Lexeme",
        resources: tuple[Name | EntityLiteral, ...] | None,
        to: Lexeme,
        principals: tuple[Name | EntityLiteral, ...] | None,
        *parts: Clause,
    ) -> cases.MatrixExpect:
        """`expect allow read, edit on plan to alice by owner`."""
        answer = _answer(keyword, effect, to, parts)
        return cases.MatrixExpect(_unless_any(actions), resources, principals, answer)

    def some_actions(self, actions: "tuple[Word, ...] | Lexeme") -> "tuple[Word, ...] | Lexeme":
        """`read, edit`, or `any`."""
        return actions

    def expect(self, keyword: Lexeme, effect: Lexeme, action: Lexeme, *parts: Clause) -> cases.Expect:
        """`expect deny export by export_mfa code STEP_UP oblige step_up`."""
        return cases.Expect(word(action), _answer(keyword, effect, action, parts))

    def expect_clause(self, keyword: Lexeme, content: "Lexeme | tuple[Name, ...] | tuple[Word, ...]") -> Clause:
        """`by rules`, `code C`, `oblige names`."""
        said = content if isinstance(content, tuple) else word(content)
        return Clause(str(keyword), span_of(keyword), said)


def _unless_any(actions: "tuple[Word, ...] | Lexeme") -> tuple[Word, ...] | None:
    return actions if isinstance(actions, tuple) else None


def _answer(keyword: Lexeme, effect: Lexeme, last: Lexeme, parts: tuple[Clause, ...]) -> cases.Answer:
    clauses = Clauses(parts)
    return cases.Answer(
        is_allow=str(effect) == "allow",
        by=clauses.once("by", tuple),
        code=clauses.once("code", Word),
        obliges=clauses.once("oblige", tuple),
        span=between(span_of(keyword), span_of(last)),
    )
