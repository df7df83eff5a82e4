"""Types expressions that have a value; conditions are refused here."""

from collections.abc import Sequence
from dataclasses import dataclass

from policy_lang.checking.kinds import SUMS, are_references, either, fits, help_for_mix, scalar, with_article
from policy_lang.checking.known import Known
from policy_lang.checking.names import unknown_function, unknown_name
from policy_lang.checking.paths import PathReader, ReadPath
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.counts import counted
from policy_lang.diagnostics import did_you_mean
from policy_lang.forms import check_id, read_given
from policy_lang.functions import FUNCTIONS, Function
from policy_lang.notation import BadValue
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name
from policy_lang.timezones import timezones
from policy_lang.typed import Call, Constant, Default, IdOf, Path, Sum
from policy_lang.typed import Expression as TypedExpression
from policy_lang.types import (
    BoolType,
    DecimalType,
    EnumType,
    IntType,
    RecordType,
    RefType,
    SetType,
    StringType,
    TimezoneType,
    Type,
)
from policy_lang.values import Record, Ref, Scalar


@dataclass(frozen=True, slots=True)
class Valued:
    """A typed expression, and its type as narrowed where it stands."""

    expression: TypedExpression
    type: Type

    @property
    def widest(self) -> Type:
        """The type as declared: references that never meet here, being narrowed, are false and no fault."""
        return self.expression.type if isinstance(self.expression, Path) else self.type


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A path that may be absent where nothing guards it."""

    path: str
    span: Span


class ValueChecker:
    """Types the expressions of one rule, for one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._module = module
        self.paths = PathReader(symbols, faults, type_)
        self.uncertain: list[Uncertain] = []

    def value(self, node: Expression, known: Known, expected: Type | None = None) -> Valued | None:
        """The typed expression; None where a fault was noted.

        `expected` gives a bare name and a list their type; a string may name a time zone by it, an int be a decimal.
        """
        match node:
            case ast.Literal():
                return self._literal(node, expected)
            case ast.EntityLiteral():
                return self.entity(node)
            case ast.Path():
                return self._path(node, known)
            case Name():
                return self._bare_name(node, expected)
            case ast.ListLiteral():
                return self._constant_set(node, known, expected)
            case ast.Call():
                return self._call(node, known)
            case ast.Coalesce():
                return self._default(node, known)
            case ast.Sum():
                return self._sum(node, known)
            case ast.Unusable():
                return None
            case _:
                self._faults.refuse(
                    "E302", "a condition stands where a value belongs", node.span, "join conditions with `and`, `or`"
                )
                return None

    def entity(self, node: ast.EntityLiteral) -> Valued | None:
        """A constant reference."""
        if node.type.text not in self._symbols.schema.types:
            self._faults.unknown("E202", "type", node.type, self._symbols.schema.types)
            return None
        try:
            id_ = check_id(node.id.text)
        except BadValue as error:
            self._faults.refuse("E103", str(error), node.id.span)
            return None
        type_ = RefType((node.type.text,))
        return Valued(Constant(Ref(node.type.text, id_), type_), type_)

    def pair(
        self, left: Expression, right: Expression, known: Known, expected: Type | None = None
    ) -> tuple[Valued, Valued] | None:
        """Both operands, of types that fit; a bare name takes the type of what stands opposite."""
        if isinstance(left, Name | ast.Literal) and not isinstance(right, Name | ast.Literal):
            turned = self.pair(right, left, known, expected)
            return None if turned is None else (turned[1], turned[0])
        if isinstance(left, ast.Literal):
            expected = expected or self.common_number((left, right), known)
        first = self.value(left, known, expected)
        second = self.value(right, known, expected or (None if first is None else first.type))
        if first is None or second is None:
            return None
        if not fits(first.widest, second.widest):
            self.refuse_mix(first.type, second.type, right)
            return None
        return first, second

    def common_number(self, written: Sequence[Expression], known: Known) -> Type | None:
        """Decimal, where an int literal stands beside a decimal; else nothing is expected of any of them."""
        if not any(isinstance(node, ast.Literal) and isinstance(node.type, IntType) for node in written):
            return None
        others = (node for node in written if not isinstance(node, Name | ast.ListLiteral | ast.Range))
        found = (self.value(node, known) for node in others)
        return next((valued.type for valued in found if valued and isinstance(valued.type, DecimalType)), None)

    def refuse_mix(self, left: Type, right: Type, node: Expression) -> None:
        """Notes that two types do not go together."""
        self._faults.refuse("E301", f"`{left}` and `{right}` do not mix", node.span, help_for_mix(left, right))

    def _path(self, node: ast.Path, known: Known) -> Valued | None:
        found = self.paths.read(node, known)
        if found is None:
            return None
        if not found.is_definite:
            self.uncertain.append(Uncertain(".".join(node.key), node.span))
        if isinstance(found.type, RecordType):
            return self._refuse_record(node, found.type)
        if not node.is_id:
            return Valued(found.path, found.type)
        if not isinstance(found.type, RefType):
            self._faults.refuse("E304", f"`{node.steps[-1].text}` is no reference, it has no `id`", node.span)
            return None
        return Valued(IdOf(found.path), StringType())

    def _refuse_record(self, node: Expression, type_: RecordType) -> Valued | None:
        """A record is read field by field; only `has` takes it whole."""
        fields = ", ".join(f"`{field.name}`" for field in type_.fields)
        self._faults.refuse("E304", f"`{node.span.text}` is a record, no value", node.span, f"name a field: {fields}")
        return None

    def _literal(self, node: ast.Literal, expected: Type | None) -> Valued | None:
        wanted = expected.element if isinstance(expected, SetType) else expected
        if isinstance(wanted, DecimalType) and isinstance(node.type, IntType):
            return self._decimal(node)
        if not isinstance(wanted, TimezoneType) or not isinstance(node.type, StringType):
            return Valued(Constant(node.value, node.type), node.type)
        if node.value not in timezones():
            near = did_you_mean(str(node.value), timezones()) or "it is a name such as `Europe/Paris`"
            self._faults.refuse("E315", f"no time zone is called `{node.value}`", node.span, near)
            return None
        return Valued(Constant(node.value, wanted), wanted)

    def _decimal(self, node: ast.Literal) -> Valued | None:
        """An int literal as the decimal that it stands for."""
        try:
            value = read_given(DecimalType(), node.value if isinstance(node.value, int) else None)
        except BadValue as error:
            self._faults.refuse("E103", str(error), node.span)
            return None
        return Valued(Constant(value, DecimalType()), DecimalType())

    def _bare_name(self, node: Name, expected: Type | None) -> Valued | None:
        type_ = expected.element if isinstance(expected, SetType) else expected
        if not isinstance(type_, EnumType) or len(node.parts) > 1:
            message, help_ = unknown_name(node, self._symbols, self._module)
            self._faults.refuse("E201", message, node.span, help_)
            return None
        if node.text not in type_.members:
            near = did_you_mean(node.text, type_.members) or f"it is one of {', '.join(type_.members)}"
            self._faults.refuse("E215", f"unknown member `{node.text}`", node.span, near)
            return None
        return Valued(Constant(node.text, type_), type_)

    def _constant_set(self, node: ast.ListLiteral, known: Known, expected: Type | None) -> Valued | None:
        if not node.items:
            if isinstance(expected, SetType):
                return Valued(Constant(frozenset(), expected), expected)
            self._faults.refuse("E301", "an empty list holds nothing", node.span)
            return None
        element = expected.element if isinstance(expected, SetType) else scalar(self.common_number(node.items, known))
        values: list[Scalar] = []
        found = [self.value(item, known, element) for item in node.items]
        for valued, item in zip(found, node.items, strict=True):
            if valued is None:
                return None
            if not isinstance(valued.expression, Constant) or isinstance(valued.expression.value, frozenset | Record):
                self._faults.refuse("E301", "a set is written with literals alone", item.span)
                return None
            element = element or scalar(valued.type)
            if element is None or not fits(element, valued.type):
                self.refuse_mix(element or valued.type, valued.type, item)
                return None
            values.append(valued.expression.value)
        if element is None:
            return None
        return Valued(Constant(frozenset(values), SetType(element)), SetType(element))

    def _call(self, node: ast.Call, known: Known) -> Valued | None:
        called = self.call(node, known)
        if called is None:
            return None
        function, arguments = called
        if isinstance(function.result, BoolType):
            self._faults.refuse(
                "E302", f"`{function.name}` is a condition, it has no value", node.span, "use it as a condition"
            )
            return None
        return Valued(Call(function.name, arguments, function.result), function.result)

    def call(self, node: ast.Call, known: Known) -> tuple[Function, tuple[TypedExpression, ...]] | None:
        """The function and its typed arguments."""
        function = FUNCTIONS.get(node.function.text)
        if function is None:
            unknown_function(node.function, self._faults)
            return None
        if len(node.arguments) != len(function.parameters):
            taken = counted(len(function.parameters), "argument")
            message = f"`{function.name}` takes {taken}, not {len(node.arguments)}"
            self._faults.refuse("E310", message, node.span, f"it is `{function.signature}`")
            return None
        arguments = [
            self.value(argument, known, TimezoneType() if kinds == (TimezoneType,) else None)
            for argument, kinds in zip(node.arguments, function.parameters, strict=True)
        ]
        is_good = True
        for valued, kinds, written in zip(arguments, function.parameters, node.arguments, strict=True):
            if valued is not None and not isinstance(valued.type, kinds):
                message = f"`{function.name}` does not take {with_article(valued.type)} here"
                help_ = f"it is `{function.signature}`"
                self._faults.refuse("E310", message, written.span, help_)
                is_good = False
        typed = tuple(valued.expression for valued in arguments if valued is not None)
        return (function, typed) if is_good and len(typed) == len(arguments) else None

    def _default(self, node: ast.Coalesce, known: Known) -> Valued | None:
        path = self._taken(node.path, known, "??")
        if path is None:
            return None
        if isinstance(path.type, RecordType):
            return self._refuse_record(node.path, path.type)
        otherwise = self.value(node.otherwise, known, path.type)
        if otherwise is None:
            return None
        if not fits(path.type, otherwise.type) and not are_references(path.type, otherwise.type):
            self.refuse_mix(path.type, otherwise.type, node.otherwise)
            return None
        type_ = either(path.type, otherwise.type)
        return Valued(Default(path.path, otherwise.expression, type_), type_)

    def _taken(self, node: Expression, known: Known, operator: str) -> ReadPath | None:
        match node:
            case ast.Path(is_id=False):
                return self.paths.read(node, known)
            case ast.Path():
                self._faults.refuse("E302", f"`{operator}` takes a path, not an id", node.span)
            case Name():
                self._bare_name(node, None)
            case ast.Unusable():
                pass
            case _:
                self._faults.refuse("E302", f"`{operator}` takes a path", node.span)
        return None

    def taken_by_has(self, node: Expression, known: Known) -> Path | None:
        """The path that `has` asks for."""
        if isinstance(node, ast.Path) and node.is_id and node.steps:
            node = ast.Path(node.root, node.steps, is_id=False, span=node.span)
        found = self._taken(node, known, "has")
        return None if found is None else found.path

    def _sum(self, node: ast.Sum, known: Known) -> Valued | None:
        expected = self.common_number((node.first, *(term for _, term in node.rest)), known)
        total = self.value(node.first, known, expected)
        for is_minus, term in node.rest:
            right = self.value(term, known, expected)
            if total is None or right is None:
                return None
            type_ = SUMS.get((is_minus, type(total.type), type(right.type)))
            if type_ is None:
                sign = "-" if is_minus else "+"
                self._faults.refuse("E301", f"no sum `{total.type} {sign} {right.type}`", term.span)
                return None
            total = Valued(Sum(is_minus, total.expression, right.expression, type_), type_)
        return total
