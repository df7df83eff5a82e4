"""Builds rules: a method for each of the grammar's rules, called as its text is recognised."""

from dataclasses import dataclass

from policy_lang.source import Span
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.syntax.clauses import Clause, Clauses
from policy_lang.syntax.reading import Lexeme, between, span_of, word
from policy_lang.syntax.reason_text import read_reason
from policy_lang.syntax.statement_builder import StatementBuilder


@dataclass(frozen=True, slots=True)
class _Head:
    id: Word
    is_shadow: bool
    span: Span


@dataclass(frozen=True, slots=True)
class _TemplateHead:
    name: Word
    parameters: tuple[statements.TemplateParameter, ...]


@dataclass(frozen=True, slots=True)
class _Actions:
    names: tuple[Word, ...] | None
    is_granted: bool


class RuleBuilder(StatementBuilder):
    """Methods for the rules of policy rules; each returns its node."""

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
            reason=clauses.once("reason", statements.ReasonText),
            code=clauses.once("code", Word),
            hide=clauses.span("hide") if clauses.once("hide", bool) else None,
            obligations=tuple(part for part in parts if isinstance(part, statements.Obligation)),
            span=head.span,
        )

    def rule_head(self, *tokens: Lexeme) -> _Head:
        """`shadow rule id:`, `shadow use id:`."""
        name = word(tokens[-1])
        return _Head(name, len(tokens) > 2, between(span_of(tokens[0]), name.span))

    use_head = rule_head

    def template(
        self,
        head: _TemplateHead,
        effect: Lexeme,
        actions: _Actions,
        types: tuple[Word, ...],
        *parts: "Clause | statements.Condition | statements.Obligation",
    ) -> statements.Template:
        """`template own(level: int): allow … on … to … when …`."""
        rule = self.rule(_Head(head.name, False, head.name.span), effect, actions, types, *parts)
        return statements.Template(head.name, head.parameters, rule)

    def template_head(
        self, _: Lexeme, name: Lexeme, parameters: tuple[statements.TemplateParameter, ...] | None
    ) -> _TemplateHead:
        """`template own(level: int):`."""
        return _TemplateHead(word(name), parameters or ())

    def template_parameters(
        self, *parameters: statements.TemplateParameter
    ) -> tuple[statements.TemplateParameter, ...]:
        """All parameters of a template."""
        return parameters

    def template_parameter(self, name: Lexeme, type_: statements.TypeExpression) -> statements.TemplateParameter:
        """`level: int`."""
        return statements.TemplateParameter(word(name), type_, between(span_of(name), type_.span))

    def use(self, head: _Head, template: Name, arguments: tuple[tuple[Word, Expression], ...] | None) -> statements.Use:
        """`use id: own(level: 3)`."""
        return statements.Use(head.id, head.is_shadow, template, arguments or (), head.span)

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
        return Clause("reason", span_of(keyword), read_reason(text))

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
