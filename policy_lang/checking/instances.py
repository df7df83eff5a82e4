"""Makes a rule of each `use`: the rule of its template, with the arguments in the places of the parameters.

What comes out is a rule like any other, under the id and in the module of the use, so that nothing behind this knows
of templates. Names that the template itself wrote are looked up in the template's module. There is no recursion: a
template holds a rule, and no rule holds a use.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from policy_lang.checking.arguments import Argument, ArgumentReader
from policy_lang.checking.symbols import Declared, Faults, Symbols, full_name, nearest, statements_of
from policy_lang.checking.templates import NameKind, Signature, signatures
from policy_lang.limits import RULE_LIMIT
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.syntax.rewriting import with_operands
from policy_lang.syntax.statements import File, Instance, ReasonText, Replaced, Rule, Use


def with_instances(symbols: Symbols, files: Sequence[File], faults: Faults) -> Symbols:
    """The names of a bundle, with the rules that its uses make."""
    known = signatures(files, symbols, faults)
    rules, doubled = dict(symbols.rules), list(symbols.doubled)
    for found in statements_of(files, Use):
        rule = _instance(found, known, symbols, faults)
        name, full = found.statement.id, f"{found.module}.{found.statement.id.text}"
        if full in rules:
            first = rules[full].statement.id.span.location
            faults.refuse("E210", f"rule `{name.text}` is declared twice", name.span, f"it is declared in {first}")
            doubled += () if rule is None else (rule,)
        elif rule is not None:
            rules[full] = rule
            if len(rules) == RULE_LIMIT + 1:
                faults.refuse("E405", f"a bundle has at most {RULE_LIMIT} rules", name.span, "uses count as rules")
    return replace(symbols, rules=rules, doubled=tuple(doubled))


def _instance(
    found: Declared[Use], known: Mapping[str, Signature], symbols: Symbols, faults: Faults
) -> Declared[Rule] | None:
    use = found.statement
    signature = known.get(full_name(use.template, found.module))
    if signature is None:
        near = nearest(use.template.text, (name.removeprefix(f"{found.module}.") for name in known))
        faults.refuse("E216", f"unknown template `{use.template.text}`", use.template.span, near)
        return None
    arguments = ArgumentReader(symbols, faults, found.module).read(found, signature)
    if arguments is None:
        return None
    return Declared(found.module, _Substitution(arguments).rule(use, signature), signature.module)


class _Substitution:
    """Puts arguments in the places of parameters, and keeps where it did."""

    def __init__(self, arguments: Mapping[str, Argument]) -> None:
        self._arguments = arguments
        self._replaced: list[Replaced] = []

    def rule(self, use: Use, signature: Signature) -> Rule:
        """The rule that a use stands for."""
        rule = signature.template.rule
        made = replace(
            rule,
            id=use.id,
            is_shadow=use.is_shadow,
            span=use.span,
            actions=None if rule.actions is None else tuple(self._words(rule.actions, NameKind.ACTIONS)),
            on=None if rule.on is None else tuple(self._words(rule.on, NameKind.TYPES)),
            to=None if rule.to is None else tuple(self._subjects(rule.to)),
            conditions=tuple(replace(each, expression=self._expression(each.expression)) for each in rule.conditions),
            reason=None if rule.reason is None else self._reason(rule.reason),
            obligations=tuple(
                replace(each, parameters=tuple((name, self._expression(value)) for name, value in each.parameters))
                for each in rule.obligations
            ),
        )
        return replace(made, instance=Instance(signature.template.name.span, tuple(self._replaced)))

    def _words(self, words: Iterable[Word], kind: NameKind) -> Iterator[Word]:
        for word in words:
            argument = self._find(word, kind)
            if argument is None:
                yield word
            else:
                yield from (Word(each.text, word.span) for each in argument.words)

    def _subjects(self, subjects: Iterable[Expression]) -> Iterator[Expression]:
        for subject in subjects:
            found = self._expression(subject)
            yield from found.items if isinstance(subject, Name) and isinstance(found, ast.Or) else (found,)

    def _expression(self, node: Expression) -> Expression:
        match node:
            case Name(parts=(word,)):
                return self._named(node, word)
            case ast.RoleTest():
                return self._role_test(node)
            case ast.RelationOf():
                return replace(node, resource=self._expression(node.resource))
            case ast.Is():
                return self._is(replace(node, subject=self._expression(node.subject)))
            case _:
                return with_operands(node, self._expression)

    def _named(self, node: Name, word: Word) -> Expression:
        """The constant, or the types that somebody may have."""
        argument = self._find(word)
        if argument is None or argument.role is not None or argument.kind is NameKind.ACTIONS:
            return node
        if argument.value is not None:
            return _at(argument.value, node.span)
        return _either(tuple(Name((Word(each.text, node.span),), node.span) for each in argument.words), node.span)

    def _is(self, node: ast.Is) -> Expression:
        argument = self._find(node.type, NameKind.TYPES)
        if argument is None:
            return node
        return _either(tuple(replace(node, type=Word(each.text, node.type.span)) for each in argument.words), node.span)

    def _role_test(self, node: ast.RoleTest) -> Expression:
        place = None if node.place is None else self._expression(node.place)
        role = node.role
        argument = self._find(role.parts[0], NameKind.ROLE) if role is not None and len(role.parts) == 1 else None
        if role is not None and argument is not None and argument.role is not None:
            role = Name(tuple(Word(part.text, role.span) for part in argument.role.parts), role.span)
        return replace(node, role=role, place=place)

    def _reason(self, reason: ReasonText) -> ReasonText:
        """The reason; where it is shown as written, it shows the arguments too."""
        written = "".join(map(self._written, reason.parts))
        parts = tuple(part if isinstance(part, str) else self._expression(part) for part in reason.parts)
        return ReasonText(replace(reason.written, text=written), parts)

    def _written(self, part: str | Expression) -> str:
        """A part of a reason as an author would write it."""
        if isinstance(part, str):
            return part.replace("{", "{{").replace("}", "}}")
        argument = self._arguments.get(part.span.text)
        return f"{{{part.span.text}}}" if argument is None or argument.value is None else argument.text

    def _find(self, word: Word, kind: NameKind | None = None) -> Argument | None:
        argument = self._arguments.get(word.text)
        if argument is None or (kind is not None and argument.kind is not kind):
            return None
        self._replaced.append(Replaced(word.span, argument.text))
        return argument


def _at(value: Expression, span: Span) -> Expression:
    """A constant as if it were written there."""
    match value:
        case ast.ListLiteral():
            return replace(value, items=tuple(_at(item, span) for item in value.items), span=span)
        case _:
            return replace(value, span=span)


def _either(items: tuple[Expression, ...], span: Span) -> Expression:
    return items[0] if len(items) == 1 else ast.Or(items, span, 1 + max(item.depth for item in items))
