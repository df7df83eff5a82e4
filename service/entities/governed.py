"""Writes facts for callers: what each may is looked up where the write sees it, recorded, then done.

Law (identity.md, Tenants): a write touches the tenant of the entity as it was and as it will be, and those of the
entities that it ties together; the caller must hold the action at each of them. What has no tenant needs it everywhere.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from policy_lang.facts import Assignment, Link
from policy_lang.notation import format_timestamp
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.also import Also, nothing_else
from service.db.engine import Database
from service.db.feed import Change, assignment_change, entity_change, relation_change
from service.db.turns import refuse_changed, take_turn
from service.entities.admission import Admission, EntityFact
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.entrance import Entrance
from service.entities.stakes import Stakes, tenant_of
from service.entities.standing import Standing, nothing_coming, require_same
from service.entities.writer import EntityWriter
from service.errors import NotFound
from service.model import Caller
from service.permits import NO_TIME, PREFIX, Act, Action
from service.ports import Clock, Gate, Policies, Visitor


class GovernedEntities:
    """Every method gives the new revision. PermissionDenied before any other fault; then DataError, EntityChanged.

    Values are in the given form; `if_revision` is empty for always.
    """

    def __init__(
        self,
        database: Database,
        policies: Policies,
        gate: Gate,
        *,
        clock: Clock,
        also: Also = nothing_else,
        elsewhere: Elsewhere = NOWHERE,
        standing: Standing = nothing_coming,
    ) -> None:
        """`also` ends what was issued to a principal that is deleted; `standing` says what else must admit facts."""
        self._database = database
        self._enter = Entrance(gate, policies).enter
        self._clock = clock
        self._also = also
        self._standing = standing
        self._elsewhere = elsewhere

    def put(self, caller: Caller, ref: Ref, attributes: Json, parents: Json, *, if_revision: str = "") -> str:
        """Writes an entity whole."""
        visitor, schema = self._enter(caller, Act(Action.ENTITY_WRITE, ref))
        fact = Admission(schema, self._elsewhere).entity(ref, attributes, parents)

        def admitted(other: Schema) -> EntityFact:
            return Admission(other, self._elsewhere).entity(ref, attributes, parents)

        def approve(connection: Connection) -> None:
            self._approve_put(visitor, schema, fact, if_revision, connection)
            require_same(self._standing(connection, schema), fact, admitted)

        return EntityWriter(self._database, schema, self._elsewhere).put(ref, attributes, parents, approve=approve)

    def delete(self, caller: Caller, ref: Ref, *, if_revision: str = "") -> str:
        """Deletes an entity with its assignments, links and credentials; NotFound if there is none."""
        visitor, schema = self._enter(caller, Act(Action.ENTITY_WRITE, ref))
        approve = partial(self._approve_delete, visitor, schema, ref, if_revision)
        end = partial(ended_with, schema, [ref], also=partial(self._also, by=caller.principal.ref, now=self._clock()))
        return EntityWriter(self._database, schema, self._elsewhere).delete(ref, approve=approve, also=end)

    def assign(
        self, caller: Caller, subject: Ref, role: str, place: Ref | None, *, expires_at: Json, if_revision: str = ""
    ) -> str:
        """Assigns a role of the policies."""
        visitor, schema = self._enter(caller, Act(Action.ROLE_ASSIGN, subject))
        given = Admission(schema, self._elsewhere).assignment(_given(subject), role, _given(place), expires_at)
        mapped = self._elsewhere.tenants_for(visitor, [Action.ROLE_ASSIGN], schema, _ends(given))

        def admitted(other: Schema) -> Assignment:
            return Admission(other, self._elsewhere).assignment(_given(subject), role, _given(place), expires_at)

        def approve(connection: Connection) -> None:
            self._approve_assignment(visitor, Stakes(connection, schema, mapped), given, "assign", if_revision)
            require_same(self._standing(connection, schema), given, admitted)

        writer = EntityWriter(self._database, schema, self._elsewhere, mapped)
        return writer.assign(_given(subject), role, _given(place), expires_at, approve=approve)

    def unassign(self, caller: Caller, subject: Ref, role: str, place: Ref | None, *, if_revision: str = "") -> str:
        """Takes a role of the policies away."""
        visitor, schema = self._enter(caller, Act(Action.ROLE_ASSIGN, subject))
        taken = Admission(schema, self._elsewhere).assignment(_given(subject), role, _given(place))
        mapped = self._elsewhere.tenants_for(visitor, [Action.ROLE_ASSIGN], schema, _ends(taken))

        def approve(connection: Connection) -> None:
            self._approve_assignment(visitor, Stakes(connection, schema, mapped), taken, "unassign", if_revision)

        writer = EntityWriter(self._database, schema, self._elsewhere, mapped)
        return writer.unassign(_given(subject), role, _given(place), approve=approve)

    def write_relations(
        self, caller: Caller, writes: Sequence[Link], deletes: Sequence[Link], *, if_revision: str = ""
    ) -> str:
        """Writes and deletes rows of stored relations, all or none; neither need be admitted yet."""
        first = (*writes, *deletes)[0]
        visitor, schema = self._enter(caller, Act(Action.ENTITY_WRITE, first.resource))
        admission = Admission(schema, self._elsewhere)
        for each in (*writes, *deletes):
            admission.link(_given(each.resource), each.relation, _given(each.subject))
        told = {"relate": writes, "unrelate": deletes}
        ends = {end for each in (*writes, *deletes) for end in (each.resource, each.subject)}
        mapped = self._elsewhere.tenants_for(visitor, [Action.ENTITY_WRITE], schema, sorted(ends))

        def approve(connection: Connection) -> None:
            self._approve_links(visitor, Stakes(connection, schema, mapped), told, if_revision)
            require_same(self._standing(connection, schema), list(writes), rows)

        def rows(other: Schema) -> list[Link]:
            return _same_links(Admission(other, self._elsewhere), writes)

        writer = EntityWriter(self._database, schema, self._elsewhere, mapped)
        return writer.write_relations(writes, deletes, approve=approve)

    def _approve_put(
        self, visitor: Visitor, schema: Schema, fact: EntityFact, if_revision: str, connection: Connection
    ) -> None:
        changes = [entity_change(fact.ref)]
        take_turn(self._database, connection, changes)
        stakes = Stakes(connection, schema)
        moved = sorted(stakes.parents(fact.ref) ^ set(fact.parents))
        tenants = [tenant_of(schema, fact.ref, fact.attributes)]
        if stakes.is_there(fact.ref):
            tenants += stakes.tenants([fact.ref]).values()
        details: dict[str, Json] = {
            "change": "put",
            "parents": [str(parent) for parent in fact.parents],
            "attributes": sorted(fact.attributes),
        }
        acts = _writes(fact.ref, tenants, details)
        acts += [Act(Action.ENTITY_WRITE, parent, tenant, details={"change": "children"})
                 for parent, tenant in stakes.tenants(moved).items()]  # fmt: skip
        visitor.require([*acts, *_gives(fact.ref, stakes.grants_above(moved), "move")])
        _stop_if_changed(connection, changes, if_revision)

    def _approve_delete(
        self, visitor: Visitor, schema: Schema, ref: Ref, if_revision: str, connection: Connection
    ) -> None:
        changes = [entity_change(ref)]
        take_turn(self._database, connection, changes)
        stakes = Stakes(connection, schema)
        grants = [*stakes.grants_of(ref), *stakes.grants_above(stakes.parents(ref))]
        acts = _writes(ref, stakes.tenants([ref]).values(), {"change": "delete"})
        visitor.require([*acts, *_gives(ref, grants, "delete")])
        if not stakes.is_there(ref):
            raise NotFound(f"there is no `{ref}`")
        _stop_if_changed(connection, changes, if_revision)

    def _approve_assignment(
        self, visitor: Visitor, stakes: Stakes, given: Assignment, change: str, if_revision: str
    ) -> None:
        changes, connection, place = [assignment_change(given.subject)], stakes.connection, given.place
        take_turn(self._database, connection, changes)
        tenants = set(stakes.tenants(_ends(given)).values()) if place is not None else {None}
        details: dict[str, Json] = {
            "change": change,
            "role": given.role,
            "scope": str(place) if place else None,
            "expires_at": None if given.expires_at is None else format_timestamp(given.expires_at),
        }
        visitor.require(
            [Act(Action.ROLE_ASSIGN, given.subject, tenant, details=details) for tenant in _sorted(tenants)]
        )
        _stop_if_changed(connection, changes, if_revision)

    def _approve_links(
        self, visitor: Visitor, stakes: Stakes, told: Mapping[str, Sequence[Link]], if_revision: str
    ) -> None:
        connection = stakes.connection
        links = [link for each in told.values() for link in each]
        changes = list(dict.fromkeys(relation_change(link.resource, link.relation) for link in links))
        take_turn(self._database, connection, changes)
        ends = sorted({end for link in links for end in (link.resource, link.subject)})
        tenants = stakes.tenants(ends)
        touched = {(link.resource, tenants[end]) for link in links for end in (link.resource, link.subject)}
        acts = [Act(Action.ENTITY_WRITE, ref, tenant, details=_related(ref, told))
                for ref, tenant in sorted(touched, key=str)]  # fmt: skip
        visitor.require(acts)
        _stop_if_changed(connection, changes, if_revision)


def ended_with(
    schema: Schema, deleted: Iterable[Ref], connection: Connection, *, also: Callable[[Connection, Ref], list[Change]]
) -> list[Change]:
    """What ends with those entities that are principals."""
    principals = [ref for ref in deleted if schema.types[ref.type].is_principal]
    return [change for ref in principals for change in also(connection, ref)]


def _ends(given: Assignment) -> list[Ref]:
    return [given.subject] if given.place is None else [given.subject, given.place]


def _same_links(admission: Admission, links: Sequence[Link]) -> list[Link]:
    return [
        admission.link(_given(each.resource), each.relation, _given(each.subject))._replace(expires_at=each.expires_at)
        for each in links
    ]


def _writes(ref: Ref, tenants: Iterable[Ref | None], details: Mapping[str, Json]) -> list[Act]:
    return [Act(Action.ENTITY_WRITE, ref, tenant, details=details) for tenant in _sorted(set(tenants))]


def _related(ref: Ref, told: Mapping[str, Sequence[Link]]) -> dict[str, Json]:
    """The rows of relations that are written to a resource, and those that are deleted."""
    named = {change: [_said(link) for link in links if link.resource == ref] for change, links in told.items()}
    return {"change": "relations", **{change: links for change, links in named.items() if links}}


def _said(link: Link) -> str:
    until = "" if link.expires_at is None else f" until {format_timestamp(link.expires_at)}"
    return f"{link.subject} {link.relation} {link.resource}{until}"


def _gives(ref: Ref, grants: Iterable[Assignment], change: str) -> list[Act]:
    """Giving or taking those roles of the module, by what is done to an entity."""
    moved = {(grant.role.removeprefix(PREFIX), grant.place) for grant in grants}
    until = NO_TIME if change == "delete" else None
    return [
        Act(Action.ROLE_ASSIGN, ref, place, grant=name, details={"change": change}, until=until)
        for name, place in sorted(moved, key=str)
    ]


def _sorted(tenants: Collection[Ref | None]) -> list[Ref | None]:
    return sorted(tenants, key=str)


def _stop_if_changed(connection: Connection, changes: Sequence[Change], if_revision: str) -> None:
    if if_revision:
        refuse_changed(connection, changes, if_revision)


def _given(ref: Ref | None) -> Json:
    return None if ref is None else {"type": ref.type, "id": ref.id}
