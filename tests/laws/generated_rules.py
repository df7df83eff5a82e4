"""Generates well-typed rules over the declared schema: every kind of condition and expression, in any order."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from random import Random
from typing import Final

from policy_lang.decision import Effect
from policy_lang.schema import Schema
from policy_lang.source import SourceFile, Span
from policy_lang.typed import (
    Always,
    And,
    Call,
    Clause,
    ClauseKind,
    Compare,
    Comparison,
    Condition,
    Constant,
    Default,
    Expression,
    Has,
    Holds,
    HoldsRole,
    IdOf,
    InList,
    InNetworks,
    InRange,
    InSet,
    IsType,
    Like,
    Not,
    ObligationTemplate,
    Or,
    Overlap,
    Path,
    Program,
    Quantifier,
    Related,
    Root,
    Rule,
    Sum,
    Under,
)
from policy_lang.typed import Test as FunctionTest
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    IntType,
    IpType,
    NetworkType,
    RefType,
    ScalarType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from tests.laws.declarations import FOLDER, HOLDER, SCHEMA, TEAM, TENANT, USER
from tests.laws.generated_values import VALUES, paths_of, value_of

SPAN: Final = Span(SourceFile("rules.policy", "rule\n"), 0, 4)
PATHS: Final = {type_: paths_of(type_, SCHEMA) for type_ in SCHEMA.actions}


class Rules:
    """Draws rules on one resource type."""

    def __init__(self, random: Random, resource_type: str, schema: Schema = SCHEMA) -> None:
        self.random = random
        self.paths = PATHS[resource_type] if schema is SCHEMA else paths_of(resource_type, schema)

    def path(self, type_: Type) -> Path | None:
        """A path to a value of the type; short ones are as frequent as all longer ones."""
        paths = self.paths.get(type_, [])
        short = [path for path in paths if len(path.steps) < 2]
        return self.random.choice(short if short and self.random.random() < 0.5 else paths) if paths else None

    def expression(self, type_: Type, depth: int = 2) -> Expression:
        """An expression of the type."""
        path, draw = self.path(type_), self.random.random()
        if draw < 0.15 and path is not None and path.steps:
            return Default(path, self.expression(type_, depth - 1) if depth else self.constant(type_), type_)
        if depth and draw < 0.4 and (made := self.computed(type_, depth - 1)) is not None:
            return made
        return path if path is not None and draw < 0.85 else self.constant(type_)

    def constant(self, type_: Type) -> Constant:
        return Constant(value_of(self.random, type_), type_)

    def computed(self, type_: Type, depth: int) -> Expression | None:
        """A function, a sum or an id of the type; None if there are none."""
        match type_:
            case IntType():
                if self.random.random() < 0.5:
                    return self.sum(type_, type_, depth)
                if self.random.random() < 0.5:
                    return Call("size", (self.expression(SetType(StringType()), depth),), type_)
                moment = self.expression(TimestampType(), depth), self.expression(TimezoneType(), depth)
                return Call(self.random.choice(("hour", "weekday")), moment, type_)
            case DecimalType() | DurationType():
                return self.sum(type_, type_, depth)
            case TimestampType():
                return self.sum(type_, DurationType(), depth)
            case StringType():
                if self.random.random() < 0.5:
                    return Call("lower", (self.expression(type_, depth),), type_)
                return IdOf(self.expression(self.random.choice((USER, TENANT, HOLDER, FOLDER)), depth))
            case _:
                return None

    def sum(self, type_: Type, added: Type, depth: int) -> Sum:
        return Sum(self.random.random() < 0.5, self.expression(type_, depth), self.expression(added, depth), type_)

    def condition(self, depth: int = 3) -> Condition:
        """A condition."""
        if depth and self.random.random() < 0.5:
            kind = self.random.choice((And, Or, Not))
            if kind is Not:
                return Not(self.condition(depth - 1))
            items = tuple(self.condition(depth - 1) for _ in range(self.random.randint(0, 3)))
            return And(items) if kind is And else Or(items)
        return self.random.choice(_LEAVES)(self)

    def element_type(self) -> ScalarType:
        """A type of which there are sets, often one that some path leads to."""
        sets = [type_.element for type_ in self.paths if isinstance(type_, SetType)]
        return self.random.choice((*sets, *sets, *VALUES, USER, HOLDER))

    def scalar_type(self) -> Type:
        return self.random.choice((*VALUES, USER, TENANT, HOLDER))

    def rule(self, id_: str, actions: Sequence[str]) -> Rule:
        """A rule, live or shadow, with any clauses."""
        kinds = [ClauseKind.TO, *self.random.choices((ClauseKind.WHEN, ClauseKind.UNLESS), k=self.random.randint(0, 2))]
        effect = self.random.choice((Effect.ALLOW, Effect.DENY))
        return Rule(
            id=id_,
            effect=effect,
            actions=frozenset(self.random.sample(actions, self.random.randint(1, len(actions)))),
            clauses=tuple(Clause(kind, self.clause(kind, effect), kind.value) for kind in kinds),
            span=SPAN,
            is_shadow=self.random.random() < 0.15,
            reason=f"because {id_}",
            reason_parts=tuple(self.reason(id_)),
            code=self.random.choice(("", "LOCKED", "STEP_UP")) if effect is Effect.DENY else "",
            hide=self.random.random() < 0.2,
            obligations=tuple(self.obligation() for _ in range(self.random.choice((0, 0, 0, 1, 2)))),
        )

    def reason(self, id_: str) -> Iterator[str | Expression]:
        """What the rule says; mostly plain text alone. Drawn apart, so that words never change what a rule asks."""
        random = copy(self.random)
        yield f"because {id_}"
        for _ in range(random.choice((0, 0, 1, 2))):
            yield random.choice(self.paths[random.choice(tuple(self.paths))])
            yield " and "

    def clause(self, kind: ClauseKind, effect: Effect) -> Condition:
        """Denials mostly hold for everyone, so that other lines of the decision are reached."""
        if kind is ClauseKind.TO:
            return Always(True) if effect is Effect.DENY else self.condition(1)
        return self.condition()

    def obligation(self) -> ObligationTemplate:
        type_ = self.random.choice((*VALUES, USER, SetType(StringType()), SetType(DecimalType())))
        return ObligationTemplate(self.random.choice(("log", "mask")), (("how", self.expression(type_)),))


def _overlap(rules: Rules) -> Condition:
    element = rules.element_type()
    written = tuple(rules.expression(element) for _ in range(rules.random.randint(0, 3)))
    among = written if rules.random.random() < 0.5 else rules.expression(SetType(element))
    return Overlap(rules.random.choice(list(Quantifier)), rules.expression(SetType(element)), among)


def _compare(rules: Rules) -> Condition:
    type_ = rules.scalar_type()
    is_ordered = isinstance(type_, IntType | DecimalType | TimestampType | DurationType)
    operators = list(Comparison) if is_ordered else [Comparison.EQ, Comparison.NE]
    return Compare(rules.random.choice(operators), rules.expression(type_), rules.expression(type_))


def _in_list(rules: Rules) -> Condition:
    type_, count = rules.scalar_type(), rules.random.randint(0, 3)
    draw: Callable[[Type], Expression] = rules.random.choice((rules.expression, rules.constant))
    return InList(rules.expression(type_), tuple(draw(type_) for _ in range(count)))


def _in_range(rules: Rules) -> Condition:
    type_ = rules.random.choice((IntType(), DecimalType(), TimestampType(), DurationType()))
    return InRange(rules.expression(type_), rules.expression(type_), rules.expression(type_))


def _in_networks(rules: Rules) -> Condition:
    draw: Callable[[Type], Expression] = rules.random.choice((rules.expression, rules.constant))
    types = rules.random.choices((NetworkType(), SetType(NetworkType())), weights=(3, 1), k=rules.random.randint(0, 2))
    networks = tuple(map(draw, types))
    return InNetworks(rules.expression(IpType()), networks)


def _in_set(rules: Rules) -> Condition:
    element = rules.element_type()
    return InSet(rules.expression(element), rules.expression(SetType(element)))


def _like(rules: Rules) -> Condition:
    return Like(rules.expression(StringType()), rules.random.choice(("eu*", "*", "eu", "*-*", "e*s*")))


def _has(rules: Rules) -> Condition:
    types = [type_ for type_, paths in rules.paths.items() if any(path.steps for path in paths)]
    return Has(rules.random.choice([path for path in rules.paths[rules.random.choice(types)] if path.steps]))


def _is_type(rules: Rules) -> Condition:
    return IsType(
        rules.expression(rules.random.choice((HOLDER, USER))), rules.random.choice(("User", "Team", "Service"))
    )


def _under(rules: Rules) -> Condition:
    principal = Path(Root.PRINCIPAL, (), RefType(("User", "Service")))
    low = rules.random.choice((principal, rules.expression(USER), rules.expression(FOLDER)))
    return Under(low, rules.expression(rules.random.choice((TEAM, FOLDER, HOLDER))))


def _role(rules: Rules) -> Condition:
    match rules.random.randint(0, 3):
        case 0:
            return HoldsRole(frozenset({"m.auditor"}), None)
        case 1:
            return HoldsRole(None, rules.expression(TENANT))
        case 2:
            return HoldsRole(SCHEMA.holders["m.curator"], rules.expression(FOLDER), over=rules.random.random() < 0.7)
        case _:
            return HoldsRole(SCHEMA.holders[rules.random.choice(("m.viewer", "m.editor"))], rules.expression(TENANT))


def _related(rules: Rules) -> Condition:
    document = RefType(("Document",))
    if document in rules.paths and rules.random.random() < 0.5:
        return Related("m.collaborator", rules.expression(document))
    return Related("m.keeper", rules.expression(FOLDER))


def _bool_function(rules: Rules) -> Condition:
    if rules.random.random() < 0.5:
        return FunctionTest(rules.random.choice(("is_private", "is_loopback")), (rules.expression(IpType()),))
    name = rules.random.choice(("starts_with", "ends_with", "contains"))
    return FunctionTest(name, (rules.expression(StringType()), rules.expression(StringType())))


_LEAVES: Final[tuple[Callable[[Rules], Condition], ...]] = (
    lambda rules: Always(rules.random.random() < 0.5),
    lambda rules: Holds(rules.expression(BoolType())),
    _overlap,
    _compare,
    _compare,
    _in_list,
    _in_range,
    _in_networks,
    _in_set,
    _like,
    _has,
    _is_type,
    _under,
    _role,
    _role,
    _related,
    _bool_function,
)


def program_of(random: Random, rule_count: int, schema: Schema = SCHEMA) -> Program:
    """A bundle of that many rules on each type, sorted by id."""
    drawn = {type_: Rules(random, type_, schema) for type_ in schema.actions}
    return Program(
        schema,
        {
            type_: tuple(drawn[type_].rule(f"m.r{at}", sorted(actions)) for at in range(rule_count))
            for type_, actions in schema.actions.items()
        },
    )
