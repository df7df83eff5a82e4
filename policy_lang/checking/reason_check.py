"""Types the values that a reason quotes: paths that there are, and nothing sensitive or reached through what is."""

from policy_lang.checking.known import Known
from policy_lang.checking.names import Expander, unknown_name
from policy_lang.checking.paths import DiffersByPrincipal, PathReader
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.checking.value_check import ValueChecker
from policy_lang.sensitivity import is_sensitive
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import Expression as TypedExpression
from policy_lang.typed import IdOf, Path, Root
from policy_lang.types import RecordType, RefType


class ReasonChecker:
    """Types what the reasons of one rule quote, for one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._type = type_
        self._module = module

    def quoted(
        self, written: Expression, known: Known, *, expander: Expander, values: ValueChecker
    ) -> TypedExpression | None:
        """The value between braces; None where a fault was noted. That it may be absent is none."""
        match expander.expand(written, self._module):
            case ast.Path() as node:
                return self._path(node, known, values.paths)
            case ast.Literal() | ast.EntityLiteral() | ast.ListLiteral() as node:  # a template's argument
                valued = values.value(node, known)
                return None if valued is None else valued.expression
            case ast.Name() as node:
                message, help_ = unknown_name(node, self._symbols, self._module)
                self._faults.refuse("E201", message, written.span, help_)
            case ast.Unusable():
                pass
            case _:
                self._faults.refuse("E316", "a reason quotes paths", written.span, "write `{resource.region}`, say")
        return None

    def _path(self, node: ast.Path, known: Known, paths: PathReader) -> TypedExpression | None:
        try:
            found = paths.read(node, known)
        except DiffersByPrincipal:
            self._faults.refuse("E301", "its type differs by who asks", node.span, "narrow it with `to`")
            return None
        if found is None:
            return None
        if self._is_sensitive(found.path, known):
            self._faults.refuse("E317", f"`{found.path}` is sensitive: no reason quotes it", node.span)
            return None
        if isinstance(found.type, RecordType):
            self._faults.refuse("E316", f"`{found.path}` is a record", node.span, "quote the fields that are needed")
            return None
        if not node.is_id:
            return found.path
        if not isinstance(found.type, RefType):
            self._faults.refuse("E304", f"`{node.steps[-1].text}` is no reference, it has no `id`", node.span)
            return None
        return IdOf(found.path)

    def _is_sensitive(self, path: Path, known: Known) -> bool:
        asking = known.types.get(("principal",)) or frozenset(self._symbols.principals)
        who = asking if path.root is Root.PRINCIPAL else self._symbols.principals[:1]
        return any(is_sensitive(path, self._symbols.schema, principal, self._type) for principal in sorted(who))
