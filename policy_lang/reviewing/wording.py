"""Words typed conditions as policy text: equal text for what says the same, whatever its layout and order.

Names are resolved, lets and computed relations expanded; operands of `and`, `or` and lists are sorted and joined.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from policy_lang.forms import write_given
from policy_lang.schema import Schema
from policy_lang.typed import (
    Always,
    And,
    Call,
    Clause,
    ClauseKind,
    Compare,
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
    Related,
    Root,
    Sum,
    Test,
    Under,
)
from policy_lang.types import EnumType, RecordType, SetType, Type
from policy_lang.values import Gap, Record, Ref, Value
from policy_lang.walk import is_principal

_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"})


def quoted(text: str) -> str:
    """A string as policy text."""
    shown = text.translate(_ESCAPES)
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in shown) + '"'


def entity(ref: Ref) -> str:
    """`Team "legal"`."""
    return f"{ref.type} {quoted(ref.id)}"


def literal(value: Value, type_: Type) -> str:
    """A value as policy text; elements of sets are sorted."""
    if isinstance(value, frozenset):
        element = type_.element if isinstance(type_, SetType) else type_
        return f"[{', '.join(sorted(literal(item, element) for item in value))}]"
    match value:
        case Ref():
            return entity(value)
        case bool():
            return "true" if value else "false"
        case str():
            return value if isinstance(type_, EnumType) else quoted(value)
        case Record():
            fields = type_.fields if isinstance(type_, RecordType) else ()
            known = ((field, value.cells[field.name]) for field in fields)
            cells = (f"{field.name}: {literal(cell, field.type)}" for field, cell in known if not isinstance(cell, Gap))
            return f"{{ {', '.join(cells)} }}"
        case _:
            return str(write_given(type_, value))


class Wording:
    """The words for one schema's conditions."""

    def __init__(self, schema: Schema) -> None:
        self._roles = {holders: role for role, holders in schema.holders.items()}

    def clause(self, clause: Clause) -> tuple[str, ...]:
        """A clause in lines, one for each thing that must hold."""
        match clause.kind:
            case ClauseKind.TO:
                return (f"to {', '.join(sorted(map(self.subject, _items(Or, clause.condition))))}",)
            case ClauseKind.WHEN:
                return tuple(f"when {text}" for text in self._sorted(_items(And, clause.condition)))
            case ClauseKind.UNLESS:
                return tuple(f"unless {text}" for text in self._sorted(_items(Or, clause.condition)))

    def subject(self, condition: Condition) -> str:
        """An item of `to`."""
        match condition:
            case Always(value=True):
                return "anyone"
            case IsType(reference=reference, type=type_) if is_principal(reference):
                return type_
            case Under(low=low, high=Constant(value=Ref() as high)) if is_principal(low):
                return entity(high)
            case _:
                return self.condition(condition)

    def obligation(self, template: ObligationTemplate) -> str:
        """`step_up(max_age: 15m)`."""
        if not template.parameters:
            return template.type
        parameters = (f"{name}: {self.expression(value)}" for name, value in template.parameters)
        return f"{template.type}({', '.join(parameters)})"

    def condition(self, condition: Condition) -> str:
        """A condition as policy text, its operands in one order where order means nothing."""
        match condition:
            case Always():
                return "true" if condition.value else "false"
            case And():
                return self._joined(" and ", And, condition)
            case Or():
                return self._joined(" or ", Or, condition)
            case Not():
                return f"not {self._operand(condition.item)}"
            case Holds():
                return self.expression(condition.expression)
            case Test():
                return self._call(condition.function, condition.arguments)
            case Compare():
                return (
                    f"{self.expression(condition.left)} {condition.operator.value} {self.expression(condition.right)}"
                )
            case Like():
                return f"{self.expression(condition.text)} like {quoted(condition.pattern)}"
            case Has():
                return f"has {condition.path}"
            case IsType():
                return f"{self.expression(condition.reference)} is {condition.type}"
            case InList() | InSet() | InRange() | InNetworks() | Overlap():
                return self._membership(condition)
            case Under():
                return f"{self.expression(condition.low)} under {self.expression(condition.high)}"
            case HoldsRole():
                return self._role(condition)
            case Related():
                is_own = condition.resource == Path(Root.RESOURCE, (), _type_of(condition.resource))
                return (
                    condition.relation if is_own else f"{condition.relation} of {self.expression(condition.resource)}"
                )
            case _:
                assert_never(condition)

    def expression(self, expression: Expression) -> str:
        """An expression as policy text."""
        match expression:
            case Constant():
                return literal(expression.value, expression.type)
            case Path():
                return str(expression)
            case IdOf():
                return f"{self.expression(expression.reference)}.id"
            case Default():
                return f"{expression.path} ?? {self._term(expression.otherwise)}"
            case Call():
                return self._call(expression.function, expression.arguments)
            case Sum():
                sign = "-" if expression.is_minus else "+"
                return f"{self.expression(expression.left)} {sign} {self._term(expression.right)}"
            case _:
                assert_never(expression)

    def _membership(self, condition: InList | InSet | InRange | InNetworks | Overlap) -> str:
        if isinstance(condition, Overlap):
            among = condition.among
            right = self._list(among) if isinstance(among, tuple) else self.expression(among)
            return f"{self.expression(condition.set)} {condition.quantifier.value} in {right}"
        match condition:
            case InList():
                right = self._list(condition.items)
            case InSet():
                right = self.expression(condition.set)
            case InRange():
                right = f"{self._term(condition.low)}..{self._term(condition.high)}"
            case InNetworks(networks=(single,)):
                right = self.expression(single)
            case InNetworks():
                right = self._list(condition.networks)
        return f"{self.expression(condition.needle)} in {right}"

    def _role(self, condition: HoldsRole) -> str:
        name = "role"
        if condition.roles is not None:
            name = f"role {self._roles.get(condition.roles) or '|'.join(sorted(condition.roles))}"
        if condition.place is None:
            return name
        return f"{name} {'over' if condition.over else 'in'} {self.expression(condition.place)}"

    def _call(self, function: str, arguments: Iterable[Expression]) -> str:
        return f"{function}({', '.join(map(self.expression, arguments))})"

    def _list(self, items: Iterable[Expression]) -> str:
        return f"[{', '.join(sorted(set(map(self.expression, items))))}]"

    def _term(self, expression: Expression) -> str:
        text = self.expression(expression)
        return f"({text})" if isinstance(expression, Sum) else text

    def _operand(self, condition: Condition) -> str:
        text = self.condition(condition)
        return f"({text})" if isinstance(condition, And | Or) and " " in text else text

    def _joined(self, word: str, kind: type[And] | type[Or], condition: Condition) -> str:
        return word.join(sorted({self._operand(item) for item in _items(kind, condition)}))

    def _sorted(self, items: Iterable[Condition]) -> list[str]:
        return sorted(set(map(self.condition, items)))


def _items(kind: type[And] | type[Or], condition: Condition) -> Iterator[Condition]:
    """The operands of an `and` or `or`, those of nested ones of its kind among them; any other stands alone."""
    if isinstance(condition, kind):
        for item in condition.items:
            yield from _items(kind, item)
    else:
        yield condition


def _type_of(expression: Expression) -> Type:
    return expression.type if isinstance(expression, Path) else EnumType(())
