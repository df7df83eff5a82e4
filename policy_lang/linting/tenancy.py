"""Finds allow rules that reach across tenants: the resource has a tenant, who asks has one, and nothing compares them.

A deny rule for everyone of another tenant holds for all allow rules beside it.
"""

from collections.abc import Iterator

from policy_lang.decision import Effect
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.conjuncts import conjuncts
from policy_lang.linting.contradictions import Part
from policy_lang.linting.subject import Subject
from policy_lang.typed import (
    And,
    Compare,
    Comparison,
    Condition,
    Expression,
    HoldsRole,
    InSet,
    IsType,
    Not,
    Or,
    Path,
    Root,
    Rule,
    Under,
)
from policy_lang.types import RefType, SetType


def lint_tenancy(subject: Subject) -> Iterator[Diagnostic]:
    """Allow rules without a condition on the tenant."""
    tenants = frozenset(name for name, type_ in subject.schema.types.items() if type_.is_tenant)
    if not tenants:
        return
    look = _Tenancy(tenants, frozenset(subject.symbols.principals))
    asking = frozenset(name for name in look.principals if name in subject.schema.tenant_attributes)
    for type_, rules in subject.program.rules.items():
        if type_ not in subject.schema.tenant_attributes and type_ not in tenants:
            continue
        isolated = look.isolated(rules)
        for rule in rules:
            if rule.effect is not Effect.ALLOW or rule.is_shadow or any(look.ties(*part) for part in conjuncts(rule)):
                continue
            admitted = asking & look.admitted(rule)
            if any(admitted - isolated.get(action, frozenset()) for action in rule.actions):
                message = f"rule `{rule.id.partition('.')[2]}` allows on `{type_}` whatever its tenant"
                yield warning("W401", message, subject.place(rule.id), "compare the tenants, or deny all other ones")


class _Tenancy:
    """What conditions say of tenants."""

    def __init__(self, tenants: frozenset[str], principals: frozenset[str]) -> None:
        self._tenants = tenants
        self.principals = principals

    def isolated(self, rules: tuple[Rule, ...]) -> dict[str, frozenset[str]]:
        """Action → the types of principal that a deny rule keeps in their tenant."""
        found: dict[str, frozenset[str]] = {}
        for rule in rules:
            parts = conjuncts(rule)
            if rule.effect is Effect.ALLOW or rule.is_shadow or not all(map(self._is_bound_or_who, parts)):
                continue
            for action in rule.actions:
                found[action] = found.get(action, frozenset()) | self.admitted(rule)
        return found

    def _is_bound_or_who(self, part: Part) -> bool:
        """Whether a part of a deny rule is true for all of another tenant, or says only who asks."""
        condition, is_true = part
        return self.ties(condition, not is_true) or _says_who_alone(condition)

    def ties(self, condition: Condition, is_true: bool) -> bool:
        """Whether a condition that comes to that holds who asks to the resource's tenant."""
        match condition:
            case Not():
                return self.ties(condition.item, not is_true)
            case And() | Or():
                found = [self.ties(item, is_true) for item in condition.items]
                return any(found) if isinstance(condition, And) is is_true else all(found)
            case Compare(operator=Comparison.EQ | Comparison.NE):
                is_equal = (condition.operator is Comparison.EQ) is is_true
                return is_equal and self._are_both(condition.left, condition.right)
            case InSet():
                return is_true and self._are_both(condition.needle, condition.set)
            case Under():
                return is_true and self._are_both(condition.low, condition.high)
            case HoldsRole(place=Path() as place):
                return is_true and place.root is Root.RESOURCE and self._is_tenant(place)
            case _:
                return False

    def _are_both(self, one: Expression, other: Expression) -> bool:
        """Whether one is a tenant of who asks, the other of the resource."""
        if not isinstance(one, Path) or not isinstance(other, Path):
            return False
        are_roots = {one.root, other.root} == {Root.PRINCIPAL, Root.RESOURCE}
        return are_roots and self._is_tenant(one) and self._is_tenant(other)

    def _is_tenant(self, path: Path) -> bool:
        type_ = path.type.element if isinstance(path.type, SetType) else path.type
        return isinstance(type_, RefType) and self._tenants.issuperset(type_.targets)

    def admitted(self, rule: Rule) -> frozenset[str]:
        """The types of principal that a rule may hold for."""
        return self.principals.intersection(*(self._admits(*part) for part in conjuncts(rule)))

    def _admits(self, condition: Condition, is_true: bool) -> frozenset[str]:
        match condition:
            case Not():
                return self._admits(condition.item, not is_true)
            case And() | Or():
                found = [self._admits(item, is_true) for item in condition.items]
                return (
                    self.principals.intersection(*found)
                    if isinstance(condition, And) is is_true
                    else frozenset().union(*found)
                )
            case IsType(reference=Path(root=Root.PRINCIPAL, steps=())):
                named = self.principals & {condition.type}
                return named if is_true else self.principals - named
            case _:
                return self.principals


def _says_who_alone(condition: Condition) -> bool:
    """Whether a condition asks for nothing but the principal's type."""
    match condition:
        case Not():
            return _says_who_alone(condition.item)
        case And() | Or():
            return all(map(_says_who_alone, condition.items))
        case IsType(reference=Path(root=Root.PRINCIPAL, steps=())):
            return True
        case _:
            return False
