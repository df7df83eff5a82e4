"""Builds rules, fixtures and tests: a method for each of the grammar's rules, called as its text is recognised."""

from dataclasses import dataclass

from policy_lang.source import Span
from policy_lang.syntax import statements
from policy_lang.syntax.ast import EntityLiteral, Expression, ListLiteral, Literal, Name, Quoted, Word
from policy_lang.syntax.clauses import Clause, Clauses
from policy_lang.syntax.reading import Lexeme, between, quoted, span_of, word
from policy_lang.syntax.statement_builder import StatementBuilder


@dataclass(frozen=True, slots=True)
class _Head:
    id: Word
    is_shadow: bool
    span: Span


@dataclass(frozen=True, slots=True)
class _Actions:
    names: tuple[Word, ...] | None
    is_granted: bool


class PolicyBuilder(StatementBuilder):
    """Methods for every rule of the grammar."""

    def rule(
        self,
        head: _Head,
        effect: Lexeme,
        actions: _Actions,
        types: tuple[Word, ...],
        *parts: "Clause | statements.Condition | statements.Obligation",
    ) -> statements.Rule:
        """`shadow rule id: allow … on … to … when …`; no types stand for `any`."""
        clauses = Clauses(tuple(part for part in parts if isinstance(part, Clause)))
        return statements.Rule(
            id=head.id,
            is_shadow=head.is_shadow,
            is_allow=str(effect) == "allow",
            is_granted=actions.is_granted,
            actions=actions.names,
            on=types or None,
            to=clauses.once("to", tuple),
            to_span=clauses.span("to"),
            conditions=tuple(part for part in parts if isinstance(part, statements.Condition)),
            reason=clauses.once("reason", Quoted),
            code=clauses.once("code", Word),
            hide=clauses.span("hide") if clauses.once("hide", bool) else None,
            obligations=tuple(part for part in parts if isinstance(part, statements.Obligation)),
            span=head.span,
        )

    def rule_head(self, *tokens: Lexeme) -> _Head:
        """`shadow rule id:`."""
        name = word(tokens[-1])
        return _Head(name, len(tokens) > 2, between(span_of(tokens[0]), name.span))

    def effect(self, token: Lexeme) -> Lexeme:
        """`allow` or `deny`."""
        return token

    def rule_actions(self, actions: "Lexeme | tuple[Word, ...]") -> _Actions:
        """`any`, `granted`, or actions by name."""
        if isinstance(actions, tuple):
            return _Actions(actions, is_granted=False)
        return _Actions(None, is_granted=str(actions) == "granted")

    def rule_types(self, types: "Lexeme | tuple[Word, ...]") -> tuple[Word, ...]:
        """`any`, or types by name."""
        return types if isinstance(types, tuple) else ()

    def to(self, keyword: Lexeme, *subjects: Expression) -> Clause:
        """`to owner, User`."""
        return Clause("to", between(span_of(keyword), subjects[-1].span), subjects)

    def condition(self, keyword: Lexeme, expression: Expression) -> statements.Condition:
        """`when …`, `unless …`."""
        return statements.Condition(str(keyword) == "unless", expression)

    def reason(self, keyword: Lexeme, text: Lexeme) -> Clause:
        """`reason "…"`."""
        return Clause("reason", span_of(keyword), quoted(text))

    def code(self, keyword: Lexeme, name: Lexeme) -> Clause:
        """`code STEP_UP`."""
        return Clause("code", span_of(keyword), word(name))

    def hide(self, keyword: Lexeme) -> Clause:
        """`hide`."""
        return Clause("hide", span_of(keyword))

    def oblige(
        self, _: Lexeme, name: Lexeme, parameters: tuple[tuple[Word, Expression], ...] | None
    ) -> statements.Obligation:
        """`oblige step_up(method: "totp")`."""
        return statements.Obligation(word(name), parameters or ())

    def parameters(self, *parameters: tuple[Word, Expression]) -> tuple[tuple[Word, Expression], ...]:
        """All parameters of an obligation."""
        return parameters

    def parameter(self, name: Lexeme, value: Expression) -> tuple[Word, Expression]:
        """`method: "totp"`."""
        return word(name), value

    # Tests

    def fixture(self, name: Lexeme, entity: EntityLiteral, row: statements.WrittenRow | None) -> statements.Fixture:
        """`fixture alice = User "alice" { … }`."""
        return statements.Fixture(word(name), self.who(entity, row))

    def who(self, subject: "Name | EntityLiteral", row: statements.WrittenRow | None) -> statements.WrittenEntity:
        """An entity, by fixture or by type and id, perhaps with a row."""
        span = subject.span if row is None else between(subject.span, row.span)
        return statements.WrittenEntity(subject, row, span)

    def row(
        self, left: Lexeme, cells: tuple[statements.WrittenCell, ...] | None, right: Lexeme
    ) -> statements.WrittenRow:
        """`{ name: value, … }`."""
        return statements.WrittenRow(cells or (), between(span_of(left), span_of(right)))

    def cells(self, *cells: statements.WrittenCell) -> tuple[statements.WrittenCell, ...]:
        """The cells of a row."""
        return cells

    def cell(self, name: Lexeme, value: "Literal | Name | EntityLiteral | ListLiteral") -> statements.WrittenCell:
        """`name: value`."""
        return statements.WrittenCell(word(name), value)

    def test(self, _: Lexeme, name: Lexeme, *items: statements.TestItem) -> statements.Test:
        """`test "…" { … }`."""
        title = quoted(name)
        return statements.Test(title, items, title.span)

    def given_row(self, entity: statements.WrittenEntity) -> statements.GivenRow:
        """`given Team "legal" {}`."""
        return statements.GivenRow(entity)

    def given_parent(self, child: statements.WrittenEntity, parent: statements.WrittenEntity) -> statements.GivenParent:
        """`given alice in Team "legal"`."""
        return statements.GivenParent(child, parent)

    def given_link(
        self,
        subject: statements.WrittenEntity,
        name: Name,
        place: statements.WrittenEntity | None,
        until: Literal | None,
    ) -> statements.GivenLink:
        """`given alice is editor of Tenant "t1" until 2027-01-01T00:00:00Z`."""
        return statements.GivenLink(subject, name, place, until)

    def asks(self, keyword: Lexeme, entity: statements.WrittenEntity) -> statements.Asks:
        """`principal alice`, `resource plan`."""
        return statements.Asks(str(keyword) == "principal", entity, span_of(keyword))

    def test_context(self, row: statements.WrittenRow) -> statements.WrittenContext:
        """`context { … }`."""
        return statements.WrittenContext(row)

    def expect(self, keyword: Lexeme, effect: Lexeme, action: Lexeme, *parts: Clause) -> statements.Expect:
        """`expect deny export by export_mfa code STEP_UP oblige step_up`."""
        clauses = Clauses(parts)
        return statements.Expect(
            is_allow=str(effect) == "allow",
            action=word(action),
            by=clauses.once("by", tuple),
            code=clauses.once("code", Word),
            obliges=clauses.once("oblige", tuple),
            span=between(span_of(keyword), span_of(action)),
        )

    def expect_clause(self, keyword: Lexeme, content: "Lexeme | tuple[Name, ...] | tuple[Word, ...]") -> Clause:
        """`by rules`, `code C`, `oblige names`."""
        said = content if isinstance(content, tuple) else word(content)
        return Clause(str(keyword), span_of(keyword), said)
