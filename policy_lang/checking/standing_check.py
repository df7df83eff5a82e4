"""Types the tests of who asks and where things stand: `is`, `under`, roles, relations, subjects."""

from collections.abc import Iterable

from policy_lang.checking.known import Known
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.checking.value_check import ValueChecker
from policy_lang.diagnostics import did_you_mean
from policy_lang.schema import Role
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression
from policy_lang.typed import Always, Condition, HoldsRole, IsType, Path, Related, Root, Under
from policy_lang.typed import Expression as TypedExpression
from policy_lang.types import RefType


class StandingChecker:
    """Types these tests for one rule and one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str, values: ValueChecker) -> None:
        self._symbols = symbols
        self._schema = symbols.schema
        self._faults = faults
        self._type = type_
        self._values = values
        self._principal = Path(Root.PRINCIPAL, (), RefType(symbols.principals))

    def test(self, node: Expression, known: Known) -> Condition | None:
        """The typed test; None where a fault was noted."""
        match node:
            case ast.Anyone():
                return Always(True)
            case ast.PrincipalIs():
                return self._principal_is(node)
            case ast.EntityLiteral():
                return self._principal_under(node)
            case ast.Is():
                return self._is(node, known)
            case ast.Under():
                return self._under(node, known)
            case ast.HoldsRole():
                return self._holds_role(node, known)
            case ast.Related():
                return self._related(node, known)
            case ast.Unusable():
                return None
            case _:
                self._faults.refuse("E302", "a condition is needed here", node.span)
                return None

    def above(self, types: Iterable[str]) -> frozenset[str]:
        """The types and all that their parents may have, up to the top."""
        reached: set[str] = set()
        ahead = list(types)
        while ahead:
            name = ahead.pop()
            if name not in reached and name in self._schema.types:
                reached.add(name)
                ahead.extend(self._schema.types[name].parents)
        return frozenset(reached)

    def _principal_is(self, node: ast.PrincipalIs) -> Condition | None:
        if node.type.text in self._symbols.principals:
            return IsType(self._principal, node.type.text)
        self._faults.refuse(
            "E313", f"no principal is a `{node.type.text}`", node.span,
            f'name one: `{node.type.text} "…"`' if node.type.text in self.above(self._symbols.principals) else "",
        )  # fmt: skip
        return None

    def _principal_under(self, node: ast.EntityLiteral) -> Condition | None:
        entity = self._values.entity(node)
        if entity is None:
            return None
        if node.type.text not in self.above(self._symbols.principals):
            self._faults.refuse("E313", f"no principal is a `{node.type.text}` or in one", node.type.span)
            return None
        return Under(self._principal, entity.expression)

    def _is(self, node: ast.Is, known: Known) -> Condition | None:
        if node.type.text not in self._schema.types:
            self._faults.unknown("E202", "type", node.type, self._schema.types)
            return None
        subject = self._values.value(node.subject, known)
        if subject is None:
            return None
        if not isinstance(subject.type, RefType):
            self._faults.refuse("E301", f"`is` takes a reference, not `{subject.type}`", node.subject.span)
            return None
        if isinstance(node.subject, ast.Path):
            possible = self._values.paths.targets(node.subject.key)
        else:
            possible = frozenset(subject.type.targets)
        if node.type.text not in possible and not (isinstance(node.subject, ast.Path) and self._is_resource(node)):
            either = " | ".join(sorted(possible))
            self._faults.refuse("E313", f"it is never a `{node.type.text}`", node.type.span, f"it is `{either}`")
            return None
        return IsType(subject.expression, node.type.text)

    def _is_resource(self, node: ast.Is) -> bool:
        return isinstance(node.subject, ast.Path) and node.subject.key == ("resource",)

    def _reference(self, node: Expression, known: Known, operator: str) -> tuple[TypedExpression, RefType] | None:
        found = self._values.value(node, known)
        if found is None:
            return None
        if not isinstance(found.type, RefType):
            self._faults.refuse("E301", f"`{operator}` takes a reference, not `{found.type}`", node.span)
            return None
        return found.expression, found.type

    def _under(self, node: ast.Under, known: Known) -> Condition | None:
        low, high = self._reference(node.low, known, "under"), self._reference(node.high, known, "under")
        if low is None or high is None:
            return None
        if self.above(_widest(*low)).isdisjoint(_widest(*high)):
            self._faults.refuse("E313", f"`{low[1]}` is never under `{high[1]}`", node.span)
            return None
        return Under(low[0], high[0])

    def _holds_role(self, node: ast.HoldsRole, known: Known) -> Condition | None:
        if node.role is None:
            return self._holds_any_role(node, known)
        role = self._schema.roles[node.role]
        if node.place is None:
            if role.on is not None:
                self._faults.refuse(
                    "E309",
                    f"role `{role.name}` is held at a `{role.on}`",
                    node.span,
                    "say where: `in` or `over` a path",
                )
                return None
            return HoldsRole(self._schema.holders[role.name], None)
        if role.on is None:
            self._faults.refuse("E309", f"role `{role.name}` is held globally", node.span, "leave out the place")
            return None
        place = self._place(node, node.place, [role], known)
        return None if place is None else HoldsRole(self._schema.holders[role.name], place, node.over)

    def _holds_any_role(self, node: ast.HoldsRole, known: Known) -> Condition | None:
        """`role in P` without a name; the rule has checked that it may stand here."""
        if node.place is None:
            self._faults.refuse("E309", "which role?", node.span)
            return None
        place = self._place(node, node.place, self._schema.roles.values(), known)
        return None if place is None else HoldsRole(None, place, node.over)

    def _place(
        self, node: ast.HoldsRole, written: Expression, roles: Iterable[Role], known: Known
    ) -> TypedExpression | None:
        found = self._reference(written, known, "over" if node.over else "in")
        if found is None:
            return None
        places = self.above(found[1].targets) if node.over else frozenset(found[1].targets)
        held = {role.on for role in roles if role.on is not None}
        if places.isdisjoint(held):
            at = ", ".join(f"`{type_}`" for type_ in sorted(held))
            self._faults.refuse(
                "E309", f"no such role is held at a `{found[1]}`", written.span, f"it is held at {at}" if at else ""
            )
            return None
        return found[0]

    def _related(self, node: ast.Related, known: Known) -> Condition | None:
        if node.resource is None:
            return Related(node.relation, Path(Root.RESOURCE, (), RefType((self._type,))))
        found = self._reference(node.resource, known, "of")
        if found is None:
            return None
        for target in found[1].targets:
            if (node.relation, target) in self._symbols.computed:
                self._faults.refuse(
                    "E313", f"`{node.relation}` on `{target}` is computed", node.span, "`of` takes stored relations"
                )
                return None
            if (node.relation, target) not in self._schema.relations:
                on = [type_ for name, type_ in self._schema.relations if name == node.relation]
                self._faults.refuse(
                    "E206", f"relation `{node.relation}` is not declared on `{target}`", node.span,
                    did_you_mean(target, on),
                )  # fmt: skip
                return None
        return Related(node.relation, found[0])


def _widest(expression: TypedExpression, type_: RefType) -> tuple[str, ...]:
    """The types as declared, where narrowing left fewer."""
    declared = expression.type if isinstance(expression, Path) else type_
    return declared.targets if isinstance(declared, RefType) else type_.targets
