"""What a caller may of the built-in module `magistrate`: actions, and the roles that carry them (identity.md).

Law: what is held at a tenant counts for the records of that tenant alone; a record without a tenant needs what is held
globally.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from policy_lang.types import Json
from policy_lang.values import Ref

MODULE: Final = "magistrate"
"""The name of the module."""
PREFIX: Final = f"{MODULE}."
"""How the names of its roles begin where they stand beside those of the policies."""
BUNDLE: Final = f"{PREFIX}Bundle"
"""The type of policies in the record of acts; the id is their digest."""


class Action(Enum):
    """An action of the built-in module; `check_as` is held for each principal type."""

    CHECK = "check"
    CHECK_FOR = "check_for"
    CHECK_AS = "check_as"
    ASSERT_ATTRIBUTES = "assert_attributes"
    READ_REASONS = "read_reasons"
    LIST = "list"
    ENTITY_READ = "entity.read"
    ENTITY_WRITE = "entity.write"
    ROLE_ASSIGN = "role.assign"
    BREAK_GLASS = "break_glass"
    POLICY_VALIDATE = "policy.validate"
    POLICY_PUSH = "policy.push"
    POLICY_ACTIVATE = "policy.activate"
    LOG_READ = "log.read"
    LOG_EXPORT = "log.export"
    KEY_MANAGE = "key.manage"
    REVOKE = "revoke"

    # There is one object of each. `Enum` hashes by name, in Python, and every check looks for several of these in sets.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a caller would do to this service: the action, on what, in whose tenant.

    `grant` is the role of this module that `role.assign` gives or takes; `details` are for the record; `lent` says that
    the act would let somebody act as the principal that was named to the gate. `until` is how long what is given or
    lent would last (milliseconds since 1970 UTC; None: for ever); to take something is to give it for no time.
    """

    action: Action
    resource: Ref
    tenant: Ref | None = None
    grant: str | None = None
    details: Mapping[str, Json] = field(default_factory=dict)
    lent: bool = False
    until: int | None = None


NO_TIME: Final = 0
"""How long that lasts which is taken away."""
EVERY_TYPE: Final = "*"
"""Stands for every principal type in what `check_as` is held for."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held in one place: actions, the principal types of `check_as`, and the grants that gave them."""

    actions: frozenset[Action] = frozenset()
    types: frozenset[str] = frozenset()
    grants: frozenset[str] = frozenset()

    def may(self, action: Action) -> bool:
        """Whether the action is held."""
        return action in self.actions

    def may_check_as(self, principal_type: str) -> bool:
        """Whether principals of that type may be named on the caller's own word."""
        return principal_type in self.types or EVERY_TYPE in self.types

    def __or__(self, other: "Held") -> "Held":
        return Held(self.actions | other.actions, self.types | other.types, self.grants | other.grants)


NOTHING: Final = Held()


@dataclass(frozen=True)
class Permits:
    """What a caller holds, globally and at tenants."""

    everywhere: Held = NOTHING
    tenants: Mapping[Ref, Held] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_scoped(self) -> bool:
        """Whether it makes a difference in whose tenant something is."""
        return bool(self.tenants)

    @cached_property
    def somewhere(self) -> Held:
        """All that is held, wherever: what is not in it need not be looked at further."""
        return union((self.everywhere, *self.tenants.values()))

    def at(self, tenant: Ref | None) -> Held:
        """What is held for the records of that tenant, or for those without one."""
        own = self.tenants.get(tenant) if tenant is not None else None
        return self.everywhere if own is None else self.everywhere | own


@dataclass(frozen=True, slots=True)
class Holding:
    """What a caller holds `at` any moment from now on: all that he does now, but less from each of the `ends`."""

    at: Callable[[int], Permits]
    ends: Sequence[int] = ()


def union(parts: Iterable[Held]) -> Held:
    """All that the parts hold."""
    whole = NOTHING
    for part in parts:
        whole |= part
    return whole
