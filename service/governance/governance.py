"""Says what a caller may of the built-in module, by the roles that it and its ancestors hold (identity.md)."""

from collections import defaultdict
from collections.abc import Collection
from functools import partial
from typing import Final

from policy_lang.ancestry import climb
from policy_lang.facts import Assignment, Source
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.governance.module import EVERYTHING, held_by
from service.model import Caller
from service.permits import NOTHING, PREFIX, Held, Holding, Permits

ANY_ID: Final = "*"
"""The id that stands for every principal of its type, as in `User:*`."""


class Governance:
    """Reads permits through the snapshot that a question's facts are read from, so that they are as fresh."""

    def __init__(self, dev_issuers: Collection[str] = ()) -> None:
        self._dev_issuers = frozenset(dev_issuers)

    def trust_dev(self, issuers: Collection[str]) -> None:
        """Lets the callers of these issuers do everything, and no other issuer's."""
        self._dev_issuers = frozenset(issuers)

    def permits(self, caller: Caller, schema: Schema, source: Source, now: int) -> Permits:
        """What the caller holds at `now`; what the source raises comes through."""
        if caller.issuer in self._dev_issuers:
            return EVERYTHING
        held = _held(caller, schema, source)
        return permits_of(held, now) if held else _NO_PERMITS

    def holding(self, caller: Caller, schema: Schema, source: Source) -> Holding:
        """What the caller holds, and until when; errors as `permits`."""
        if caller.issuer in self._dev_issuers:
            return _EVERYTHING
        held = _held(caller, schema, source)
        return Holding(partial(permits_of, held), [each.expires_at for each in held if each.expires_at is not None])


def permits_of(assignments: Collection[Assignment], now: int) -> Permits:
    """What those roles of the module come to; one that has expired, or that nobody knows, gives nothing."""
    everywhere, tenants = NOTHING, defaultdict[Ref, Held](lambda: NOTHING)
    for each in assignments:
        given = held_by(each.role.removeprefix(PREFIX))
        if given is None or (each.expires_at is not None and each.expires_at <= now):
            continue
        if each.place is None:
            everywhere |= given
        else:
            tenants[each.place] |= given
    return Permits(everywhere, dict(tenants))


def _held(caller: Caller, schema: Schema, source: Source) -> list[Assignment]:
    """The roles of the module that the caller has, expired ones too."""
    found = source.assignments(_subjects(caller.principal.ref, schema, source))
    return [each for each in (*found, *caller.principal.roles) if each.role.startswith(PREFIX)]


def _subjects(caller: Ref, schema: Schema, source: Source) -> set[Ref]:
    """The caller, all of its type, and its ancestors as far as they are known: what is not known gives nothing."""
    subjects = {caller, Ref(caller.type, ANY_ID)}
    declared = schema.types.get(caller.type)
    if declared is not None and declared.parents:
        subjects |= climb(caller, source.ancestry({caller})).ancestors
    return subjects


_NO_PERMITS: Final = Permits()
_EVERYTHING: Final = Holding(lambda _: EVERYTHING)
