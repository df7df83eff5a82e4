"""Types one rule for one type of resource: its clauses as one `and`, its obligations, and that a deny is definite."""

from collections.abc import Iterator, Sequence

from policy_lang.checking.condition_check import ConditionChecker, Typed
from policy_lang.checking.known import NOTHING, Known, known_if, together
from policy_lang.checking.names import Expander, TooLarge
from policy_lang.checking.paths import DiffersByPrincipal
from policy_lang.checking.probing import Place, probes_in
from policy_lang.checking.reason_check import ReasonChecker
from policy_lang.checking.symbols import Declared, Faults, Symbols
from policy_lang.decision import Effect
from policy_lang.probes import Probe
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.syntax.statements import Obligation, Rule
from policy_lang.typed import Clause, ClauseKind, ObligationTemplate
from policy_lang.typed import Expression as TypedExpression
from policy_lang.typed import Rule as TypedRule


class RuleChecker:
    """Types a rule for one type of resource; `used` are the names that it expanded, `probes` its conditions."""

    def __init__(self, symbols: Symbols, faults: Faults, found: Declared[Rule], type_: str) -> None:
        self._rule = found.statement
        self._id = f"{found.module}.{found.statement.id.text}"
        self._module = found.names
        self._faults = faults
        self._expander = Expander(symbols, faults, type_)
        self._conditions = ConditionChecker(symbols, faults, type_, found.names)
        self._reasons = ReasonChecker(symbols, faults, type_, found.names)
        self.probes: tuple[Probe, ...] = ()

    @property
    def used(self) -> set[str]:
        """The lets and relations that the rule uses."""
        return self._expander.used

    @property
    def nodes(self) -> int:
        """What the rule costs."""
        return self._expander.nodes

    @property
    def sites(self) -> list[Typed]:
        """Every condition of the rule with where it was written."""
        return self._conditions.typed

    def check(self, actions: frozenset[str]) -> TypedRule | None:
        """The typed rule; None where it is past a limit. Faults are noted."""
        try:
            return self._check(actions)
        except TooLarge as error:
            self._faults.refuse(error.code, str(error), self._rule.id.span)
            return None

    def _check(self, actions: frozenset[str]) -> TypedRule:
        rule = self._rule
        written = self._clauses()
        nodes = [self._expanded(kind, node) for kind, node, _ in written]
        targets = self._conditions.values.paths.targets
        said = [
            known_if(node, kind is not ClauseKind.UNLESS, targets)
            for (kind, _, _), node in zip(written, nodes, strict=True)
        ]
        conditions = self._conditions.operands(nodes, said, NOTHING)
        typed = TypedRule(
            id=self._id,
            effect=Effect.ALLOW if rule.is_allow else Effect.DENY,
            actions=actions,
            clauses=tuple(
                Clause(kind, condition, " ".join(rule.text(span).split()))
                for (kind, _, span), condition in zip(written, conditions, strict=True)
                if condition is not None
            ),
            span=rule.span,
            is_shadow=rule.is_shadow,
            reason="" if rule.reason is None else rule.reason.written.text,
            reason_parts=tuple(self._reason_parts(said)),
            code="" if rule.code is None else rule.code.text,
            hide=rule.hide is not None,
            obligations=tuple(self._obligation(obligation, said) for obligation in rule.obligations),
        )
        if not rule.is_allow:
            self._refuse_uncertain()
        places = [Place(kind, node, span) for (kind, _, span), node in zip(written, nodes, strict=True)]
        items = tuple(item.span for item in rule.to or ())
        self.probes = tuple(probes_in(typed.id, places, items, self._conditions.typed))
        return typed

    def _expanded(self, kind: ClauseKind, node: Expression) -> Expression:
        if kind is ClauseKind.TO and self._rule.is_allow and self._rule.is_granted:
            return self._expander.expand_granted(node, self._module)
        return self._expander.expand(node, self._module)

    def _clauses(self) -> list[tuple[ClauseKind, Expression, Span]]:
        clauses: list[tuple[ClauseKind, Expression, Span]] = []
        rule = self._rule
        if rule.to is not None and rule.to_span is not None:
            first, last = rule.to[0].span, rule.to[-1].span
            span = Span(first.file, first.start, last.end)
            to = rule.to[0] if len(rule.to) == 1 else ast.Or(rule.to, span, 1)
            clauses.append((ClauseKind.TO, to, span))
        for condition in rule.conditions:
            kind = ClauseKind.UNLESS if condition.is_unless else ClauseKind.WHEN
            clauses.append((kind, condition.expression, condition.expression.span))
        return clauses

    def _obligation(self, obligation: Obligation, said: Sequence[Known]) -> ObligationTemplate:
        """The obligation; its parameters are read where the rule holds, so that every clause speaks for them."""
        known = together(said)
        parameters: dict[str, TypedExpression] = {}
        for name, written in obligation.parameters:
            if name.text in parameters:
                self._faults.refuse("E210", f"parameter `{name.text}` stands here twice", name.span)
            node = self._expander.expand(written, self._module)
            try:
                valued = self._conditions.values.value(node, known)
            except DiffersByPrincipal:
                self._faults.refuse("E301", "its type differs by who asks", written.span, "narrow it with `to`")
                continue
            if valued is not None:
                parameters[name.text] = valued.expression
        return ObligationTemplate(obligation.name.text, tuple(sorted(parameters.items())))

    def _reason_parts(self, said: Sequence[Known]) -> Iterator[str | TypedExpression]:
        """What the reason says; where it is given the rule holds, so that every clause speaks for what it quotes."""
        known = together(said)
        values = self._conditions.values
        for part in () if self._rule.reason is None else self._rule.reason.parts:
            if isinstance(part, str):
                yield part
            elif quoted := self._reasons.quoted(part, known, expander=self._expander, values=values):
                yield quoted

    def _refuse_uncertain(self) -> None:
        for found in self._conditions.values.uncertain:
            self._faults.refuse(
                "E303",
                f"`{found.path}` may be absent, and then deny rule `{self._rule.id.text}` is unknown",
                found.span,
                f"add `has {found.path}`, or a default: `{found.path} ?? …`",
            )
