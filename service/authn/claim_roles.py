"""Reads the roles that a verified token carries, as far as its issuer's allow-list lets it (identity.md).

Law: a claim only ever chooses among the roles that the settings name for it; a role that is held somewhere is given
where the token says, and nowhere if it does not say.
"""

from collections.abc import Iterator, Mapping, Sequence

from policy_lang.facts import Assignment
from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.types import Json
from policy_lang.values import Ref
from service.issuer_settings import ClaimRole


def roles_of(principal: Ref, claims: Mapping[str, Json], allowed: Sequence[ClaimRole]) -> tuple[Assignment, ...]:
    """The roles of the principal, each once, in the order of the allow-list."""
    found = (given for entry in allowed for given in _given(principal, claims, entry))
    return tuple(dict.fromkeys(found))


def _given(principal: Ref, claims: Mapping[str, Json], entry: ClaimRole) -> Iterator[Assignment]:
    if entry.value not in _texts(claims, entry.claim):
        return
    if entry.scope_type is None:
        yield Assignment(principal, entry.role, None, None)
        return
    for id_ in _texts(claims, entry.scope_claim):
        try:
            yield Assignment(principal, entry.role, Ref(entry.scope_type, check_id(id_)), None)
        except BadValue:
            continue


def _texts(claims: Mapping[str, Json], way: Sequence[str]) -> list[str]:
    """The texts at the end of the way into the claims: one, or a list of them; anything else is none."""
    found: Json = dict(claims)
    for step in way:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, str):
        return [found]
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
