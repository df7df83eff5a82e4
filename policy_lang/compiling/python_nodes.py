"""The few kinds of Python syntax that rules compile to, built as nodes so that no policy text is ever read as code."""

import ast
from collections.abc import Callable, Mapping
from typing import Final, TypedDict


class _Place(TypedDict):
    lineno: int
    col_offset: int


_AT: Final = _Place(lineno=1, col_offset=0)
_LOAD: Final = ast.Load()
_STORE: Final = ast.Store()
_IS: Final = ast.Is()
_IS_NOT: Final = ast.IsNot()

Literal = None | bool | int | str


def name(identifier: str) -> ast.expr:
    """The value of a local or global."""
    return ast.Name(identifier, _LOAD, **_AT)


def literal(value: Literal) -> ast.expr:
    """A literal. Text among them is only ever a declared attribute's name."""
    return ast.Constant(value, **_AT)


def attribute(value: ast.expr, key: str) -> ast.expr:
    """`value.key`."""
    return ast.Attribute(value, key, _LOAD, **_AT)


def item(value: ast.expr, key: ast.expr) -> ast.expr:
    """`value[key]`."""
    return ast.Subscript(value, key, _LOAD, **_AT)


def call(function: ast.expr, *arguments: ast.expr) -> ast.expr:
    """`function(argument, …)`."""
    return ast.Call(function, list(arguments), [], **_AT)


def row(*items: ast.expr) -> ast.expr:
    """`(item, …)`, a tuple."""
    return ast.Tuple(list(items), _LOAD, **_AT)


def table(entries: Mapping[str, ast.expr]) -> ast.expr:
    """`{key: value, …}`."""
    return ast.Dict([literal(key) for key in entries], list(entries.values()), **_AT)


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    """`left operator right`."""
    return ast.Compare(left, [operator], [right], **_AT)


def between(low: ast.expr, value: ast.expr, high: ast.expr) -> ast.expr:
    """`low <= value <= high`."""
    return ast.Compare(low, [ast.LtE(), ast.LtE()], [value, high], **_AT)


def same(left: ast.expr, right: ast.expr) -> ast.expr:
    """`left is right`."""
    return ast.Compare(left, [_IS], [right], **_AT)


def other(left: ast.expr, right: ast.expr) -> ast.expr:
    """`left is not right`."""
    return ast.Compare(left, [_IS_NOT], [right], **_AT)


def every(*items: ast.expr) -> ast.expr:
    """`item and …`, without the items that are plainly true."""
    kept = [each for each in items if not _is_literal(each, True)]
    if any(_is_literal(each, False) for each in kept):
        return literal(False)
    if len(kept) < 2:
        return kept[0] if kept else literal(True)
    return ast.BoolOp(ast.And(), kept, **_AT)


def some(*items: ast.expr) -> ast.expr:
    """`item or …`, without the items that are plainly false."""
    kept = [each for each in items if not _is_literal(each, False)]
    if any(_is_literal(each, True) for each in kept):
        return literal(True)
    if len(kept) < 2:
        return kept[0] if kept else literal(False)
    return ast.BoolOp(ast.Or(), kept, **_AT)


def negate(value: ast.expr) -> ast.expr:
    """`not value`."""
    return ast.UnaryOp(ast.Not(), value, **_AT)


def add(left: ast.expr, right: ast.expr, *, is_minus: bool) -> ast.expr:
    """`left + right`, or `left - right`."""
    return ast.BinOp(left, ast.Sub() if is_minus else ast.Add(), right, **_AT)


def choose(test: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
    """`then if test else otherwise`."""
    if _is_literal(test, True):
        return then
    return ast.IfExp(test, then, otherwise, **_AT)


def bind(identifier: str, value: ast.expr) -> ast.expr:
    """`(identifier := value)`."""
    return ast.NamedExpr(ast.Name(identifier, _STORE, **_AT), value, **_AT)


def assign(identifiers: list[str], value: ast.expr) -> ast.stmt:
    """`identifier = … = value`."""
    return ast.Assign([ast.Name(each, _STORE, **_AT) for each in identifiers], value, **_AT)


def add_bit(identifier: str, bit: int) -> ast.stmt:
    """`identifier |= bit`."""
    return ast.AugAssign(ast.Name(identifier, _STORE, **_AT), ast.BitOr(), literal(bit), **_AT)


def either_bits(left: str, right: str) -> ast.expr:
    """`left | right`."""
    return ast.BinOp(name(left), ast.BitOr(), name(right), **_AT)


def when(test: ast.expr, then: list[ast.stmt], otherwise: list[ast.stmt] | None = None) -> ast.stmt:
    """`if test: then`, `else: otherwise`."""
    return ast.If(test, then, otherwise or [], **_AT)


def give(value: ast.expr) -> ast.stmt:
    """`return value`."""
    return ast.Return(value, **_AT)


def function(identifier: str, parameter: str, body: list[ast.stmt]) -> ast.Module:
    """A module of one function of one parameter."""
    parameters = ast.arguments([], [ast.arg(parameter, **_AT)], None, [], [], None, [])
    return ast.Module([ast.FunctionDef(identifier, parameters, body, [], **_AT)], [])


def define(
    identifier: str, parameter: str, body: list[ast.stmt], constants: dict[str, object]
) -> Callable[..., object]:
    """The function that these statements make; what they name must be among the constants, or a local."""
    exec(compile(function(identifier, parameter, body), "<rules>", "exec"), constants)  # noqa: S102
    made = constants.pop(identifier)  # or the function and its table would keep each other for ever
    if not callable(made):
        raise TypeError(f"`{identifier}` is no function")
    return made


def _is_literal(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
