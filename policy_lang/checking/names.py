"""Replaces the names in an expression by what they stand for, and expands lets and computed relations in place.

Counts nodes and depth as they come out, so that no chain of names grows without limit, and refuses what comes back to
itself.
"""

from dataclasses import replace
from typing import Final

from policy_lang.checking.symbols import Faults, Symbols, full_name, nearest
from policy_lang.functions import FUNCTIONS
from policy_lang.limits import NESTING_LIMIT, NODE_LIMIT
from policy_lang.schema import NOW
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Unusable, Word
from policy_lang.syntax.rewriting import with_operands

ROOTS: Final = frozenset({"principal", "resource", "context"})
"""Where paths start."""
OPERATORS: Final = frozenset({"in", "is", "like", "under"})
"""Operators that other languages call as functions."""
_NULLS: Final = frozenset({"null", "nil", "none", "None", "undefined"})
"""What other languages compare with where nothing is set."""


class TooLarge(Exception):
    """An expression grew past a limit; the code and the message say which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Expander:
    """Expands the expressions of one rule, for one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._type = type_
        self._way: tuple[str, ...] = ()
        self._takes_nameless = False
        self.nodes = 0
        self.used: set[str] = set()

    def expand(self, node: Expression, module: str, depth: int = 1) -> Expression:
        """The expression with every known name replaced; TooLarge past a limit. Unknown names stay."""
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            raise TooLarge("E404", f"a rule has at most {NODE_LIMIT} nodes, lets and relations expanded")
        if depth > NESTING_LIMIT + 1:
            raise TooLarge("E402", f"expressions nest at most {NESTING_LIMIT} deep, lets and relations expanded")
        match node:
            case Name():
                return self._name(node, module, depth)
            case ast.RoleTest():
                return self._role_test(node, module, depth)
            case ast.RelationOf():
                return self._relation_of(node, module, depth)
            case _:
                return self._inner(node, module, depth + 1)

    def expand_granted(self, node: Expression, module: str) -> Expression:
        """The subjects of `allow granted`, expanded: roles without a name."""
        self._takes_nameless = True
        expanded = self.expand(node, module)
        self._takes_nameless = False
        return expanded

    def _inner(self, node: Expression, module: str, depth: int) -> Expression:
        """The expression with its operands expanded."""
        if isinstance(node, ast.ListLiteral):
            return replace(node, items=self._items(node.items, module, depth))
        return with_operands(node, lambda operand: self.expand(operand, module, depth))

    def _items(self, nodes: tuple[Expression, ...], module: str, depth: int) -> tuple[Expression, ...]:
        """Literals in a list have a limit of their own and cost no node."""
        return tuple(
            node if isinstance(node, ast.Literal | ast.EntityLiteral) else self.expand(node, module, depth)
            for node in nodes
        )

    def _name(self, name: Name, module: str, depth: int) -> Expression:
        head = name.parts[0].text
        if head in ROOTS:
            return _path(name)
        known = self._symbols.kinds
        if f"{module}.{head}" in known:
            return self._known(f"{module}.{head}", name, 1, depth)
        if len(name.parts) == 1:
            is_type = head in self._symbols.schema.types
            return ast.PrincipalIs(name.parts[0], name.span) if is_type else name
        full = f"{head}.{name.parts[1].text}"
        return self._known(full, name, 2, depth) if full in known else name

    def _known(self, full: str, name: Name, consumed: int, depth: int) -> Expression:
        """What a declared name stands for; what follows it must lead on from a path."""
        rest = name.parts[consumed:]
        kind = self._symbols.kinds[full]
        if kind == "let":
            found = self._symbols.lets[full]
            return _lead_on(self._once(full, found.statement.body, found.module, name, depth), rest, name, self._faults)
        if kind != "relation":
            self._faults.refuse("E201", f"`{name.text}` is a {kind}", name.span, _KIND_HELP[kind])
            return Unusable(name.span)
        if rest:
            self._faults.refuse("E304", f"`{full}` is a relation: nothing stands behind it", name.span)
            return Unusable(name.span)
        return self._relation(full, name, depth)

    def _relation(self, full: str, name: Name, depth: int) -> Expression:
        self.used.add(full)
        computed = self._symbols.computed.get((full, self._type))
        if computed is not None:
            return self._once(full, computed.statement.body, computed.module, name, depth)
        if (full, self._type) in self._symbols.schema.relations:
            return ast.Related(full, None, name.span)
        self._faults.refuse("E206", f"relation `{name.text}` is not declared on `{self._type}`", name.span)
        return Unusable(name.span)

    def _once(self, full: str, body: Expression, module: str, name: Name, depth: int) -> Expression:
        """The expanded body, unless the way here came through it already."""
        self.used.add(full)
        if full in self._way:
            circle = " → ".join((*self._way[self._way.index(full) :], full))
            self._faults.refuse("E212", f"`{name.text}` comes back to itself", name.span, circle)
            return Unusable(name.span)
        before = self._way
        self._way = (*before, full)
        expanded = self.expand(body, module, depth + 1)
        self._way = before
        return expanded

    def _role_test(self, test: ast.RoleTest, module: str, depth: int) -> Expression:
        place = None if test.place is None else self.expand(test.place, module, depth + 1)
        if test.role is None and not self._takes_nameless:
            self._faults.refuse(
                "E308", "which role?", test.span, "without a name it stands in `to` of `allow granted` alone"
            )
            return Unusable(test.span)
        if test.role is None:
            return ast.HoldsRole(None, place, test.over, test.span)
        full = full_name(test.role, module)
        if full not in self._symbols.schema.roles:
            known = (role.removeprefix(f"{module}.") for role in self._symbols.schema.roles)
            self._faults.unknown("E205", "role", test.role, known)
            return Unusable(test.span)
        return ast.HoldsRole(full, place, test.over, test.span)

    def _relation_of(self, test: ast.RelationOf, module: str, depth: int) -> Expression:
        full = full_name(test.relation, module)
        if self._symbols.kinds.get(full) != "relation":
            known = [
                name.removeprefix(f"{module}.") for name, kind in self._symbols.kinds.items() if kind == "relation"
            ]
            self._faults.unknown("E206", "relation", test.relation, known)
            return Unusable(test.span)
        self.used.add(full)
        return ast.Related(full, self.expand(test.resource, module, depth + 1), test.span)


_KIND_HELP: Final = {
    "role": "a role is asked for with `role`",
    "fixture": "fixtures are for tests alone",
    "template": "a template makes rules: `use id: …`",
}


def unknown_name(name: Name, symbols: Symbols, module: str) -> tuple[str, str]:
    """The message and the help for a name that stands for nothing."""
    message = f"unknown name `{name.text}`"
    if name.text in _NULLS:
        return message, "whether a value is set is asked with `has`"
    if name.text in {NOW.name, *symbols.schema.context}:
        return message, f"did you mean `context.{name.text}`?"
    known = (*symbols.nearby(module), *symbols.schema.types, *ROOTS)
    return message, nearest(name.text, known)


def _path(name: Name) -> ast.Path:
    head, *steps = name.parts
    is_id = bool(steps) and steps[-1].text == "id"
    return ast.Path(head.text, tuple(steps[:-1] if is_id else steps), is_id, name.span)


def _lead_on(base: Expression, rest: tuple[ast.Word, ...], name: Name, faults: Faults) -> Expression:
    """A path through a let: `let f = resource.folder`, then `f.owner`."""
    if not rest or isinstance(base, Unusable):
        return base
    if not isinstance(base, ast.Path) or base.is_id:
        faults.refuse("E304", f"nothing stands behind `{name.parts[0].text}`", name.span, "only a path leads on")
        return Unusable(name.span)
    is_id = rest[-1].text == "id"
    return ast.Path(base.root, (*base.steps, *(rest[:-1] if is_id else rest)), is_id, name.span)


def unknown_function(word: Word, faults: Faults) -> None:
    """Notes a function that there is not; an operator that was called like one is told as what it is."""
    if word.text in OPERATORS:
        help_ = f"`{word.text}` stands between its sides: `a {word.text} b`"
        faults.refuse("E209", f"unknown function `{word.text}`", word.span, help_)
        return
    faults.unknown("E209", "function", word, FUNCTIONS)
