"""Types every rule of a bundle, for each type of resource that it is on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from policy_lang.checking.condition_check import ConditionChecker, Typed
from policy_lang.checking.grants import actions_named, refuse_without_actions
from policy_lang.checking.known import Known
from policy_lang.checking.names import Expander, TooLarge
from policy_lang.checking.rule_check import RuleChecker
from policy_lang.checking.symbols import Declared, Faults, Symbols, TooManyFaults, full_name
from policy_lang.decision import RESERVED_CODES
from policy_lang.diagnostics import Diagnostic, did_you_mean
from policy_lang.probes import Probe
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Word
from policy_lang.syntax.statements import Rule
from policy_lang.typed import Rule as TypedRule


@dataclass(frozen=True, slots=True)
class CheckedRules:
    """The typed rules by type of resource, sorted by id, and what coverage watches in them.

    `sites`: a rule's full id → its conditions, each with where it was written, once for each type of resource.
    `nodes`: a rule's full id → the nodes that it has, lets and relations expanded, for the type that needs most.
    """

    rules: Mapping[str, tuple[TypedRule, ...]]
    probes: Mapping[str, tuple[Probe, ...]]
    sites: Mapping[str, tuple[Typed, ...]]
    nodes: Mapping[str, int]


def check_rules(symbols: Symbols, faults: Faults) -> CheckedRules:
    """Every rule, typed for each type of resource that it is on."""
    if symbols.rules and not symbols.principals:
        first = min(symbols.rules.items())[1].statement
        faults.refuse("E314", "no type is a principal", first.id.span, "mark who may ask: `principal type User {}`")
        return CheckedRules({}, {}, {}, {})
    checker = _BundleChecker(symbols, faults)
    rules: dict[str, list[TypedRule]] = {type_: [] for type_ in sorted(symbols.schema.actions)}
    for found in (*(found for _, found in sorted(symbols.rules.items())), *symbols.doubled):
        faults.used = None if found.statement.instance is None else found.statement.span
        for type_, rule in checker.rule(found):
            rules[type_].append(rule)
    faults.used = None
    checker.unused()
    probes = {type_: tuple(found) for type_, found in checker.probes.items()}
    return CheckedRules({type_: tuple(found) for type_, found in rules.items()}, probes, checker.sites, checker.nodes)


class _BundleChecker:
    def __init__(self, symbols: Symbols, faults: Faults) -> None:
        self._symbols = symbols
        self._faults = faults
        self._used: set[str] = set()
        self.probes: dict[str, list[Probe]] = defaultdict(list)
        self.nodes: dict[str, int] = {}
        self.sites: dict[str, tuple[Typed, ...]] = {}

    def rule(self, found: Declared[Rule]) -> Iterable[tuple[str, TypedRule]]:
        """The rule as it stands for each of its types."""
        self._check_clauses(found)
        for type_, actions in self._where(found.statement).items():
            checker = RuleChecker(self._symbols, self._faults, found, type_)
            typed = checker.check(actions)
            self._used |= checker.used
            full = f"{found.module}.{found.statement.id.text}"
            self.nodes[full] = max(self.nodes.get(full, 0), checker.nodes)
            self.sites[full] = (*self.sites.get(full, ()), *checker.sites)
            if typed is not None and actions:
                self.probes[type_] += checker.probes
                yield type_, typed

    def unused(self) -> None:
        """Types what no rule uses, so that a fault in it is found all the same."""
        for (full, type_), relation in sorted(self._symbols.computed.items()):
            if full not in self._used:
                self._try(relation.statement.body, relation.module, [type_])
        types = sorted(self._symbols.schema.actions) or sorted(self._symbols.schema.types)
        for full, let in sorted(self._symbols.lets.items()):
            if full not in self._used:
                self._try(let.statement.body, let.module, types)

    def _try(self, body: Expression, module: str, types: Iterable[str]) -> None:
        """Notes what is wrong with an expression that is well-typed for no resource and principal."""
        first: tuple[Diagnostic, ...] = ()
        for type_, principal in product(types, self._symbols.principals):
            faults = self._faults_of(body, module, type_, Known(types={("principal",): frozenset({principal})}))
            if not faults:
                return
            first = first or faults
        self._faults.extend(first)

    def _faults_of(self, body: Expression, module: str, type_: str, known: Known) -> tuple[Diagnostic, ...]:
        """What is wrong with an expression."""
        faults = Faults()
        expander = Expander(self._symbols, faults, type_)
        try:
            node = expander.expand(body, module)
            checker = ConditionChecker(self._symbols, faults, type_, module)
            if len(faults):
                return faults.found
            if isinstance(node, _VALUES):
                checker.values.value(node, known)
            else:
                checker.condition(node, known)
        except TooLarge:
            return ()  # it costs nothing where nothing uses it
        except TooManyFaults:
            pass
        return faults.found

    def _where(self, rule: Rule) -> dict[str, frozenset[str]]:
        """Type → the actions that the rule names there."""
        known = self._symbols.schema.actions
        types = sorted(known) if rule.on is None else [word.text for word in rule.on if self._has_actions(word)]
        if rule.is_granted:
            schema = self._symbols.schema
            return {
                type_: frozenset(action for action in known[type_] if schema.granting(type_, action)) for type_ in types
            }
        if rule.actions is None:
            return {type_: frozenset(known[type_]) for type_ in types}
        found: dict[str, frozenset[str]] = {type_: frozenset() for type_ in types}
        for word in rule.actions:
            named = {type_: actions_named(word, type_, known, self._symbols.groups) for type_ in types}
            for type_, actions in named.items():
                found[type_] |= actions or frozenset()
            if types and not any(named.values()):
                self._refuse_action(word, types)
        for word in rule.on or ():
            if found.get(word.text) == frozenset() and any(found.values()):
                self._faults.refuse("E204", f"`{word.text}` has none of these actions", word.span)
        return {type_: actions for type_, actions in found.items() if actions or rule.on is not None}

    def _has_actions(self, word: Word) -> bool:
        schema = self._symbols.schema
        if word.text not in schema.actions:
            refuse_without_actions(word, schema.types, self._faults)
        return word.text in schema.actions

    def _refuse_action(self, word: Word, types: list[str]) -> None:
        known = {name for type_ in types for name in self._symbols.schema.actions[type_]}
        known |= {name for type_ in types for name in self._symbols.groups.get(type_, ())}
        where = f" of `{types[0]}`" if len(types) == 1 else ""
        self._faults.refuse("E204", f"unknown action `{word.text}`{where}", word.span, did_you_mean(word.text, known))

    def _check_clauses(self, found: Declared[Rule]) -> None:
        """What the parts of a rule ask of each other."""
        rule = found.statement
        if rule.is_allow and rule.to is None:
            self._faults.refuse("E306", f"allow rule `{rule.id.text}` says to nobody", rule.id.span, "add `to anyone`")
        if rule.is_allow and rule.code is not None:
            self._faults.refuse("E307", "an allow rule has no code", rule.code.span, "codes are for deny rules")
        if rule.is_allow and rule.hide is not None:
            self._faults.refuse("E307", "an allow rule hides nothing", rule.hide, "`hide` is for deny rules")
        if rule.code is not None and rule.code.text in RESERVED_CODES:
            self._faults.refuse("E307", f"code `{rule.code.text}` is reserved", rule.code.span, "choose another")
        self._check_granted(rule)
        for item in rule.to or ():
            self._check_subject(item, found.names)

    def _check_granted(self, rule: Rule) -> None:
        is_allow_granted = rule.is_granted and rule.is_allow
        if rule.is_granted and not rule.is_allow:
            self._faults.refuse("E308", "`granted` is for allow rules", rule.id.span, "name the actions")
        for item in rule.to or ():
            if is_allow_granted and not (isinstance(item, ast.RoleTest) and item.role is None):
                self._faults.refuse(
                    "E308", "who may in `allow granted` is said by `role in` or `role over` alone", item.span
                )

    def _check_subject(self, item: Expression, module: str) -> None:
        """`to` takes subjects: no path, no let."""
        if not isinstance(item, ast.Name):
            return
        if item.parts[0].text in {"principal", "resource", "context"}:
            self._faults.refuse(
                "E302", f"`{item.text}` is no subject", item.span, f"write `to anyone when {item.text} == principal`"
            )
        elif self._symbols.kinds.get(full_name(item, module)) == "let":
            self._faults.refuse("E302", f"`{item.text}` is a let, no subject", item.span, "it stands in `when`")


_VALUES = (
    ast.Sum,
    ast.Path,
    ast.Coalesce,
    ast.Literal,
    ast.ListLiteral,
    ast.EntityLiteral,
    ast.Name,
    ast.Range,
    ast.Call,
)
