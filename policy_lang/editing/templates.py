"""Finds the names in templates and in their uses: a parameter stands in its template, and before each argument."""

from collections.abc import Iterable, Iterator, Mapping

from policy_lang.checking.symbols import Faults, full_name
from policy_lang.checking.templates import NameKind, ParameterKind, parameters_of
from policy_lang.editing import rules
from policy_lang.editing.declarations import action_names, declared, owned, written_type
from policy_lang.editing.expressions import names_in, of_module, operands, type_name
from policy_lang.editing.names import Kind, Occurrence, symbol
from policy_lang.editing.scope import Scope
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.syntax.statements import File, Rule, Template, Use


def template(node: Template, scope: Scope) -> Iterator[Occurrence]:
    """`template up_to(level: int): …`; `scope` has the types that its uses give."""
    full = f"{scope.module}.{node.name.text}"
    yield owned(node.name, Kind.TEMPLATE, scope.module)
    names = {parameter.name.text for parameter in node.parameters}
    for parameter in node.parameters:
        yield declared(parameter.name, Kind.PARAMETER, full)
        yield from written_type(parameter.type, scope)
    stands_in = [word for word in _words(node.rule) if word.text in names]
    places = {word.span for word in stands_in}
    yield from (name for name in rules.body(node.rule, scope) if name.span not in places)
    for word in stands_in:
        yield Occurrence(word.span, frozenset({symbol(Kind.PARAMETER, full, word.text)}))


def use(node: Use, scope: Scope) -> Iterator[Occurrence]:
    """`use id: up_to(level: 3)`; `scope` has the types that the template is on here."""
    yield owned(node.id, Kind.RULE, scope.module)
    yield from of_module(node.template, scope, Kind.TEMPLATE)
    full = full_name(node.template, scope.module)
    kinds = kinds_of(full, scope)
    for name, written in node.arguments:
        if name.text in kinds:
            yield Occurrence(name.span, frozenset({symbol(Kind.PARAMETER, full, name.text)}))
            yield from _argument(written, kinds[name.text], scope)


def types_of_use(node: Use, scope: Scope) -> tuple[str, ...]:
    """The types that the rule of a use is on."""
    found = scope.symbols.templates.get(full_name(node.template, scope.module))
    if found is None or found.statement.rule.on is None:
        return scope.resources
    given = {name.text: tuple(word.text for word in _bare(written)) for name, written in node.arguments}
    return tuple(type_ for word in found.statement.rule.on for type_ in given.get(word.text, (word.text,)))


def types_of_template(full: str, files: Iterable[File], scope: Scope) -> tuple[str, ...]:
    """The types that any use of a template puts it on."""
    uses = [
        (file.module.text, statement) for file in files for statement in file.statements if isinstance(statement, Use)
    ]
    found = [
        type_
        for module, node in uses
        if full_name(node.template, module) == full
        for type_ in types_of_use(node, scope.within(module))
    ]
    return tuple(dict.fromkeys(found))


def kinds_of(full: str, scope: Scope) -> Mapping[str, ParameterKind]:
    """What each parameter of a template takes; none of one that is not declared."""
    found = scope.symbols.templates.get(full)
    return {} if found is None else parameters_of(found, scope.symbols, Faults())


def _argument(written: Expression, kind: ParameterKind, scope: Scope) -> Iterator[Occurrence]:
    match kind:
        case NameKind.TYPES:
            for word in _bare(written):
                yield from type_name(word, scope)
        case NameKind.ACTIONS:
            yield from action_names(_bare(written), scope.resources, scope)
        case NameKind.ROLE:
            if isinstance(written, Name):
                yield from of_module(written, scope, Kind.ROLE)
        case _:
            yield from names_in(written, scope, (kind,))


def _bare(written: Expression) -> tuple[Word, ...]:
    """The words of a name, or of a list of names."""
    items = written.items if isinstance(written, ast.ListLiteral) else (written,)
    return tuple(item.parts[0] for item in items if isinstance(item, Name) and len(item.parts) == 1)


def _words(rule: Rule) -> Iterator[Word]:
    """Every word of a rule that a parameter may stand for."""
    yield from rule.actions or ()
    yield from rule.on or ()
    parts = () if rule.reason is None else rule.reason.parts
    ahead: list[Expression] = [
        *(rule.to or ()),
        *(condition.expression for condition in rule.conditions),
        *(part for part in parts if not isinstance(part, str)),
        *(value for obligation in rule.obligations for _, value in obligation.parameters),
    ]
    while ahead:
        node = ahead.pop()
        match node:
            case Name(parts=(word,)):
                yield word
            case ast.Is():
                yield node.type
        ahead += operands(node)
