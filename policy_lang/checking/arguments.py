"""Reads what a `use` gives for the parameters of its template: constants of their types, and names of their kinds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from policy_lang.checking.kinds import fits, help_for_mix, with_article
from policy_lang.checking.known import NOTHING
from policy_lang.checking.symbols import Declared, Faults, Symbols, full_name, nearest
from policy_lang.checking.templates import NameKind, ParameterKind, Signature
from policy_lang.checking.value_check import ValueChecker
from policy_lang.diagnostics import did_you_mean
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Quoted, Word
from policy_lang.syntax.statements import Use
from policy_lang.typed import Constant
from policy_lang.types import RecordType, ScalarType, SetType, Type
from policy_lang.values import Record, Ref


@dataclass(frozen=True, slots=True)
class Argument:
    """What stands for a parameter: `words` for types and actions, `role` by its full name, else `value`."""

    kind: ParameterKind
    text: str
    words: tuple[Word, ...] = ()
    role: Name | None = None
    value: Expression | None = None


class ArgumentReader:
    """Reads the arguments of the uses of one module."""

    def __init__(self, symbols: Symbols, faults: Faults, module: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._module = module
        self._values = ValueChecker(symbols, faults, "", module)

    def read(self, found: Declared[Use], signature: Signature) -> Mapping[str, Argument] | None:
        """An argument for each parameter, by name; None where a fault was noted."""
        use, faults = found.statement, len(self._faults)
        given: dict[str, Argument | None] = {}
        for name, written in use.arguments:
            kind = signature.parameters.get(name.text)
            if name.text in given:
                self._faults.refuse("E210", f"argument `{name.text}` stands here twice", name.span)
            elif kind is None:
                message = f"template `{use.template.text}` has no parameter `{name.text}`"
                self._faults.refuse("E217", message, name.span, did_you_mean(name.text, signature.parameters))
            else:
                given[name.text] = self._argument(written, kind)
        missing = [name for name in signature.parameters if name not in given]
        if missing:
            named = ", ".join(f"`{name}`" for name in missing)
            self._faults.refuse("E217", f"template `{use.template.text}` is not given {named}", use.template.span)
        if len(self._faults) > faults:
            return None
        return {name: argument for name, argument in given.items() if argument is not None}

    def _argument(self, written: Expression, kind: ParameterKind) -> Argument | None:
        match kind:
            case NameKind.TYPES:
                return self._names(written, kind, self._symbols.schema.types, "type")
            case NameKind.ACTIONS:
                actions, groups = self._symbols.schema.actions, self._symbols.groups
                known = {name for named in (actions, groups) for names in named.values() for name in names}
                return self._names(written, kind, known, "action")
            case NameKind.ROLE:
                return self._role(written)
            case _:
                value = self._value(written, kind)
                return None if value is None else Argument(kind, _text(written.span), value=value)

    def _names(self, written: Expression, kind: NameKind, known: Iterable[str], what: str) -> Argument | None:
        """One name, or a list of them."""
        items = written.items if isinstance(written, ast.ListLiteral) else (written,)
        words: list[Word] = []
        for item in items:
            if not isinstance(item, Name) or len(item.parts) > 1:
                self._refuse(item.span, f"expected the name of {'an' if what[0] == 'a' else 'a'} {what}")
                return None
            if item.text not in known:
                code = "E202" if kind is NameKind.TYPES else "E204"
                self._faults.unknown(code, what, item, known)
            words.append(item.parts[0])
        if not words:
            self._refuse(written.span, f"an empty list names no {what}")
            return None
        return Argument(kind, ", ".join(word.text for word in words), words=tuple(words))

    def _role(self, written: Expression) -> Argument | None:
        if not isinstance(written, Name):
            self._refuse(written.span, "expected the name of a role")
            return None
        full, roles = full_name(written, self._module), self._symbols.schema.roles
        if full not in roles:
            known = (role.removeprefix(f"{self._module}.") for role in roles)
            self._faults.refuse("E205", f"unknown role `{written.text}`", written.span, nearest(written.text, known))
            return None
        parts = tuple(Word(part, written.span) for part in full.split("."))
        return Argument(NameKind.ROLE, full, role=Name(parts, written.span))

    def _value(self, written: Expression, type_: Type) -> Expression | None:
        """The constant, as an expression that has the parameter's type wherever it stands."""
        if isinstance(type_, RecordType):
            return None  # refused where the template declares it
        if not isinstance(type_, SetType):
            return self._scalar(written, type_)
        if not isinstance(written, ast.ListLiteral) or not written.items:
            self._refuse(written.span, f"expected a list of `{type_.element}`")
            return None
        items = tuple(self._scalars(written.items, type_.element))
        return replace(written, items=items) if len(items) == len(written.items) else None

    def _scalars(self, written: Iterable[Expression], type_: ScalarType) -> Iterator[Expression]:
        for item in written:
            value = self._scalar(item, type_)
            if value is not None:
                yield value

    def _scalar(self, written: Expression, type_: ScalarType) -> Expression | None:
        if not isinstance(written, ast.Literal | ast.EntityLiteral) and not _is_bare(written):
            self._refuse(written.span, f"expected {with_article(type_)} that is written out")
            return None
        found = self._values.value(written, NOTHING, type_)
        if found is None:
            return None
        if not fits(type_, found.type):
            message = f"expected {with_article(type_)}, not {with_article(found.type)}"
            self._faults.refuse("E301", message, written.span, help_for_mix(type_, found.type))
            return None
        if not isinstance(found.expression, Constant) or isinstance(found.expression.value, frozenset | Record):
            self._refuse(written.span, f"expected {with_article(type_)} that is written out")
            return None
        value = found.expression.value
        if isinstance(value, Ref):
            return ast.EntityLiteral(Word(value.type, written.span), Quoted(value.id, written.span), written.span)
        return ast.Literal(value, type_, written.span)

    def _refuse(self, span: Span, message: str) -> None:
        self._faults.refuse("E318", message, span, "an argument is a constant, or a name of its parameter's kind")


def _is_bare(written: Expression) -> bool:
    """Whether it is one word, as members of enums are written."""
    return isinstance(written, Name) and len(written.parts) == 1


def _text(span: Span) -> str:
    return " ".join(span.text.split())
