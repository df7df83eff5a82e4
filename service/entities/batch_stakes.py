"""What a batch would do to whose things: one act for each action and tenant, which says all that it is about.

The law is that of single writes (`governed`). What a batch itself writes counts where it refers to it: a document that
it puts is of the tenant that it is put into.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from policy_lang.facts import Assignment
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.entities.batch import Batch
from service.entities.stakes import Stakes, tenant_of
from service.permits import NO_TIME, PREFIX, Act, Action

ALL = Ref("*", "*")
"""What the record of a batch says it is about; its details name each thing."""


class _Given(NamedTuple):
    """A role of the module that is given so long (`Act.until`)."""

    grant: str
    until: int | None


_Kind = tuple[Action, Ref | None, _Given | None]


@dataclass(frozen=True, slots=True)
class _Acts:
    """Acts as they come, gathered by action, tenant and role of the module."""

    told: dict[_Kind, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(
        self, action: Action, tenants: Iterable[Ref | None], change: str, what: str, given: _Given | None = None
    ) -> None:
        for tenant in set(tenants):
            self.told[action, tenant, given][change].append(what)

    def all(self) -> list[Act]:
        found = []
        for (action, tenant, given), told in sorted(self.told.items(), key=_in_order):
            grant, until = given or (None, None)
            details: dict[str, Json] = {
                "change": "batch",
                **{change: list(dict.fromkeys(told[change])) for change in told},
            }
            found.append(Act(action, ALL, tenant, grant, details, until=until))
        return found


def acts_of(batch: Batch, stakes: Stakes, schema: Schema) -> list[Act]:
    """Everything that the caller must be permitted, read before anything is written."""
    acts, tenants = _Acts(), _tenants(batch, stakes, schema)
    for ref, fact in batch.puts.items():
        acts.add(Action.ENTITY_WRITE, tenants[ref], "put", str(ref))
        moved = sorted(stakes.parents(ref) ^ set(fact.parents))
        for parent in moved:
            acts.add(Action.ENTITY_WRITE, tenants[parent], "children", str(parent))
        _give(acts, stakes.grants_above(moved), "move", ref, until=None)
    for ref in batch.deletes:
        acts.add(Action.ENTITY_WRITE, tenants[ref], "delete", str(ref))
        _give(acts, [*stakes.grants_of(ref), *stakes.grants_above(stakes.parents(ref))], "delete", ref, until=NO_TIME)
    for each in batch.assigns:
        _assign(acts, each, "assign", tenants, until=each.expires_at)
    for each in batch.unassigns:
        _assign(acts, each, "unassign", tenants, until=NO_TIME)
    for change, links in (("relate", batch.relates), ("unrelate", batch.unrelates)):
        for link in links:
            touched = tenants[link.resource] | tenants[link.subject]
            acts.add(Action.ENTITY_WRITE, touched, change, f"{link.subject} {link.relation} {link.resource}")
    return acts.all()


def _assign(
    acts: _Acts, each: Assignment, change: str, tenants: Mapping[Ref, set[Ref | None]], *, until: int | None
) -> None:
    what = f"{each.subject} {each.role}" + (f" {each.place}" if each.place else "")
    if each.role.startswith(PREFIX):
        acts.add(Action.ROLE_ASSIGN, [each.place], change, what, _Given(each.role.removeprefix(PREFIX), until))
        return
    where = {None} if each.place is None else tenants[each.subject] | tenants[each.place]
    acts.add(Action.ROLE_ASSIGN, where, change, what)


def _give(acts: _Acts, grants: Iterable[Assignment], change: str, ref: Ref, *, until: int | None) -> None:
    """Giving or taking those roles of the module, by what is done to an entity."""
    for grant in grants:
        acts.add(Action.ROLE_ASSIGN, [grant.place], change, str(ref), _Given(grant.role.removeprefix(PREFIX), until))


def _tenants(batch: Batch, stakes: Stakes, schema: Schema) -> Mapping[Ref, set[Ref | None]]:
    """The tenants of everything that the batch names: as it is stored, and as it will be."""
    named = {*batch.puts, *batch.deletes}
    named |= {parent for ref, fact in batch.puts.items() for parent in {*stakes.parents(ref), *fact.parents}}
    named |= batch.ends()
    stored, there = stakes.tenants(named), stakes.there(batch.puts)
    found: dict[Ref, set[Ref | None]] = {}
    for ref in named:
        fact = batch.puts.get(ref)
        found[ref] = {stored[ref]} if fact is None or ref in there else set()
        if fact is not None:
            found[ref].add(tenant_of(schema, ref, fact.attributes))
    return found


def _in_order(item: tuple[_Kind, object]) -> tuple[str, str, str]:
    action, tenant, given = item[0]
    return action.value, str(tenant), str(given)
