"""The built-in module: its roles and what each carries, and what may be granted by name (identity.md).

It is code: no bundle can declare it or write rules on its types, so that nobody locks the admins out, or in.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from policy_lang.diagnostics import did_you_mean
from service.errors import DataError
from service.permits import EVERY_TYPE, MODULE, Action, Held, Permits

CHECK_AS: Final = f"{Action.CHECK_AS.value}:"
"""How a grant of `check_as` begins; the principal type follows."""

ROLES: Final[Mapping[str, frozenset[Action]]] = {
    "pep": frozenset({Action.CHECK, Action.CHECK_FOR, Action.READ_REASONS}),
    "reader": frozenset({Action.CHECK, Action.LIST, Action.ENTITY_READ}),
    "author": frozenset({Action.ENTITY_READ, Action.POLICY_VALIDATE, Action.POLICY_PUSH}),
    "auditor": frozenset({Action.LOG_READ, Action.LOG_EXPORT}),
    "responder": frozenset({Action.BREAK_GLASS}),
    "admin": frozenset(
        {
            Action.ENTITY_READ,
            Action.ENTITY_WRITE,
            Action.ROLE_ASSIGN,
            Action.BREAK_GLASS,
            Action.POLICY_VALIDATE,
            Action.POLICY_PUSH,
            Action.POLICY_ACTIVATE,
            Action.KEY_MANAGE,
            Action.REVOKE,
        }
    ),
}
"""What each role carries."""

BY_NAME: Final = frozenset({Action.CHECK, Action.LIST, Action.ASSERT_ATTRIBUTES})
"""Actions that are granted one by one; `check_as:TYPE` is too."""

EVERYTHING: Final = Permits(Held(frozenset(Action), frozenset({EVERY_TYPE}), frozenset(ROLES)))
"""All that there is, of which the callers of a dev issuer hold all."""


@lru_cache(maxsize=1024)
def held_by(grant: str) -> Held | None:
    """What a grant gives: a role's actions, or the one action that it names; None for no grant of this module."""
    if grant in ROLES:
        return Held(ROLES[grant], grants=frozenset({grant}))
    if grant.startswith(CHECK_AS) and len(grant) > len(CHECK_AS):
        return Held(frozenset({Action.CHECK_AS}), frozenset({grant.removeprefix(CHECK_AS)}), frozenset({grant}))
    named = {action.value: action for action in BY_NAME}.get(grant)
    return None if named is None else Held(frozenset({named}), grants=frozenset({grant}))


def check_grant(grant: str) -> str:
    """The name itself; DataError for what is no grant of this module."""
    if held_by(grant) is None:
        known = [*ROLES, *sorted(action.value for action in BY_NAME)]
        near = did_you_mean(grant, known)
        help_ = near or f"there are {', '.join(known)} and {CHECK_AS}TYPE"
        raise DataError(f"`{grant}` is no role of `{MODULE}`\nhelp: {help_}")
    return grant


def may_give(held: Held, grant: str) -> bool:
    """Whether somebody who holds this holds the grant too, without which it is not his to give or to take."""
    if grant.startswith(CHECK_AS):
        return held.may_check_as(grant.removeprefix(CHECK_AS))
    return grant in held.grants if grant in ROLES else held.may(Action(grant))


def holds_all(own: Permits, other: Permits) -> bool:
    """Whether somebody who holds `own` may act as one who holds `other`: it must hold every grant of it, there too."""
    everywhere = all(may_give(own.everywhere, grant) for grant in other.everywhere.grants)
    return everywhere and all(
        may_give(own.at(tenant), grant) for tenant, held in other.tenants.items() for grant in held.grants
    )
