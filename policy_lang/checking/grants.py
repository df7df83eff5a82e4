"""Resolves actions, groups of them, and roles with all that they grant and include."""

from collections.abc import Iterable, Mapping

from policy_lang.checking.entity_types import refuse_reserved
from policy_lang.checking.symbols import Declared, Faults, full_name, statements_of
from policy_lang.limits import LIST_LIMIT, NESTING_LIMIT
from policy_lang.schema import EntityType, Role
from policy_lang.syntax.ast import Name, Word
from policy_lang.syntax.statements import ActionsDeclaration, File, Grant, GroupDeclaration, RoleDeclaration

Actions = dict[str, dict[str, bool]]
Groups = dict[str, dict[str, frozenset[str]]]


def resolve_actions(files: Iterable[File], types: Mapping[str, EntityType], faults: Faults) -> Actions:
    """Type → action → whether it makes a row."""
    actions: Actions = {}
    for found in statements_of(files, ActionsDeclaration):
        type_ = types.get(found.statement.type.text)
        if type_ is None:
            faults.unknown("E202", "type", found.statement.type, types)
            continue
        own = actions.setdefault(type_.name, {})
        for action in found.statement.actions:
            if refuse_reserved(action.name, faults):
                continue
            if action.name.text in own:
                faults.refuse(
                    "E210", f"action `{action.name.text}` on `{type_.name}` is declared twice", action.name.span
                )
            if action.is_new and not type_.is_stored:
                faults.refuse("E305", f"`{type_.name}` has no rows, so no action makes one", action.name.span)
            own[action.name.text] = action.is_new
    return actions


def resolve_groups(files: Iterable[File], types: Mapping[str, EntityType], actions: Actions, faults: Faults) -> Groups:
    """Type → group → its actions."""
    groups: Groups = {}
    for found in statements_of(files, GroupDeclaration):
        declaration = found.statement
        own = actions.get(declaration.type.text)
        if own is None:
            refuse_without_actions(declaration.type, types, faults)
            continue
        known = groups.setdefault(declaration.type.text, {})
        if refuse_reserved(declaration.name, faults):
            continue
        if declaration.name.text in own or declaration.name.text in known:
            faults.refuse(
                "E210", f"`{declaration.name.text}` on `{declaration.type.text}` is declared already",
                declaration.name.span,
            )  # fmt: skip
            continue
        for action in declaration.actions:
            if action.text not in own:
                faults.unknown("E204", "action", action, own, of=declaration.type.text)
        known[declaration.name.text] = frozenset(action.text for action in declaration.actions if action.text in own)
    return groups


def refuse_without_actions(type_: Word, types: Mapping[str, EntityType], faults: Faults) -> None:
    """Notes a type that is not declared, or has no actions."""
    if type_.text not in types:
        faults.unknown("E202", "type", type_, types)
    else:
        faults.refuse("E204", f"`{type_.text}` has no actions", type_.span, f"declare them: `actions {type_.text} …`")


def actions_named(
    word: Word,
    type_: str,
    actions: Mapping[str, Mapping[str, bool]],
    groups: Mapping[str, Mapping[str, frozenset[str]]],
) -> frozenset[str] | None:
    """The actions that a name stands for on a type: one, those of a group, or None."""
    if word.text in actions.get(type_, ()):
        return frozenset({word.text})
    return groups.get(type_, {}).get(word.text)


class RoleResolver:
    """Resolves roles, closed over what they include."""

    def __init__(
        self,
        files: Iterable[File],
        types: Mapping[str, EntityType],
        *,
        actions: Actions,
        groups: Groups,
        faults: Faults,
    ) -> None:
        self._types = types
        self._actions = actions
        self._groups = groups
        self._faults = faults
        self._declared: dict[str, Declared[RoleDeclaration]] = {}
        self._done: dict[str, Role] = {}
        self._depths: dict[str, int] = {}
        for found in statements_of(files, RoleDeclaration):
            self._declared.setdefault(f"{found.module}.{found.statement.name.text}", found)

    def resolve(self) -> dict[str, Role]:
        """Every role by its full name."""
        for found in self._declared.values():
            on = found.statement.on
            if on is not None and on.text not in self._types:
                self._faults.unknown("E202", "type", on, self._types)
        for name in self._declared:
            self._role(name, ())
        return self._done

    def _role(self, name: str, way: tuple[str, ...]) -> Role:
        if name in self._done:
            return self._done[name]
        found = self._declared[name]
        declaration = found.statement
        on = None if declaration.on is None else declaration.on.text
        grants = self._own_grants(declaration.grants)
        included, depth = {name}, 1
        for include in declaration.includes:
            other = self._included(include, found.module, (*way, name), on)
            if other is None:
                continue
            included |= other.included
            depth = max(depth, 1 + self._depths.get(other.name, 0))
            for type_, granted in other.grants.items():
                grants[type_] = grants.get(type_, frozenset()) | granted
        if depth > NESTING_LIMIT:
            message = f"roles include each other at most {NESTING_LIMIT} deep"
            self._faults.refuse("E402", message, declaration.name.span)
        if len(included) > LIST_LIMIT:
            self._faults.refuse("E403", f"a role includes at most {LIST_LIMIT} others", declaration.name.span)
            included = {name}
        self._depths[name] = depth
        role = Role(name, on, grants, frozenset(included))
        self._done[name] = role
        return role

    def _included(self, include: Name, module: str, way: tuple[str, ...], on: str | None) -> Role | None:
        name = full_name(include, module)
        if name not in self._declared:
            known = [known.removeprefix(f"{module}.") for known in self._declared]
            self._faults.unknown("E205", "role", include, known)
            return None
        if len(way) > NESTING_LIMIT:
            self._faults.refuse("E402", f"roles include each other at most {NESTING_LIMIT} deep", include.span)
            return None
        if name in way:
            circle = " → ".join((*way[way.index(name) :], name))
            self._faults.refuse("E212", f"role `{name}` includes itself", include.span, circle)
            return None
        role = self._role(name, way)
        if role.on != on:
            where = f"on `{role.on}`" if role.on else "global"
            self._faults.refuse(
                "E309", f"role `{include.text}` is {where}", include.span, "a role includes roles of its own place"
            )
        return role

    def _own_grants(self, written: Iterable[Grant]) -> dict[str, frozenset[str]]:
        grants: dict[str, frozenset[str]] = {}
        for grant in written:
            type_ = grant.type.text
            if type_ not in self._actions:
                refuse_without_actions(grant.type, self._types, self._faults)
                continue
            for word in grant.actions:
                named = actions_named(word, type_, self._actions, self._groups)
                if named is None:
                    known = [*self._actions[type_], *self._groups.get(type_, ())]
                    self._faults.unknown("E204", "action", word, known, of=type_)
                else:
                    grants[type_] = grants.get(type_, frozenset()) | named
        return grants
