"""The commands of `magistrate data` that read and write single facts, as a client of the service."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar, Unpack

import click
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.entity_pb2_grpc import EntityServiceStub
from magistrate.v1.types_pb2 import Entity, EntityRef, Value

from magistrate_client import values
from policy_lang.types import Json
from service.cli.answers import given_form
from service.cli.calling import Connection, call, call_pages, connection_options
from service.cli.filters import read_filter
from service.cli.moments import read_moment, write_moment
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.pairs import read_attributes
from service.cli.references import read_entity

Function = TypeVar("Function", bound=Callable[..., object])
Form = dict[str, Json]

_LARGEST_PAGE: Final = 1000
_entity = click.argument("entity", metavar="TYPE:ID")
_principal = click.argument("principal", metavar="TYPE:ID")
_at = click.option("--at", "place", metavar="TYPE:ID", help="Where; a role without `on` is assigned globally.")
_until = click.option("--until", metavar="TIME", help="When it expires, such as 2027-01-01T00:00:00Z; else never.")
_if_revision = click.option("--if-revision", default="", help="Only if nothing of it changed since that revision.")


@click.command("put")
@_entity
@click.option("--attr", multiple=True, metavar="NAME=VALUE", help="An attribute; NAME=@TYPE:ID, NAME:=JSON.")
@click.option("--parent", multiple=True, metavar="TYPE:ID", help="A parent.")
@_if_revision
@output_option
@connection_options
def put(
    entity: str, attr: tuple[str, ...], parent: tuple[str, ...], if_revision: str, output: Output,
    **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """Write an entity whole: attributes and parents that are not given are not set any more."""
    named = read_entity(entity)
    written = Entity(type=named.type, id=named.id, parents=[read_entity(each) for each in parent])
    for name, value in read_attributes(attr, "--attr").items():
        values.write_value(value, written.attributes[name])
    request = pb.PutEntityRequest(entity=written, if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).PutEntity, request)
    _say(f"put {entity}", answer.revision, output)


@click.command("get")
@_entity
@output_option
@connection_options
def get(entity: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Show an entity, and the roles that it holds itself."""
    named = read_entity(entity)
    found = call(connection, lambda channel: EntityServiceStub(channel).GetEntity, pb.GetEntityRequest(entity=named))
    held = _assignments(pb.ListRoleAssignmentsRequest(subject=named), connection)
    forms: list[Form] = [{"kind": "entity", **_entity_form(found.entity), "revision": found.revision}, *held]
    print_rows(list(_flattened(forms)) if output == "table" else forms, output)


@click.command("delete")
@_entity
@_if_revision
@output_option
@connection_options
def delete(entity: str, if_revision: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Delete an entity, with its role assignments and stored relations."""
    request = pb.DeleteEntityRequest(entity=read_entity(entity), if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).DeleteEntity, request)
    _say(f"deleted {entity}", answer.revision, output)


@click.command("list")
@click.argument("type_", metavar="TYPE")
@click.option("--tenant", metavar="TYPE:ID", help="Those of that tenant; who may read one tenant's names it.")
@click.option(
    "--where",
    multiple=True,
    metavar="FILTER",
    help="Those for which it holds: NAME=VALUE, !=, <, <=, >, >=; NAME~=ELEMENT of a set; NAME or !NAME.",
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@output_option
@connection_options
def list_(
    type_: str, tenant: str | None, where: tuple[str, ...], limit: int, output: Output,
    **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """List the entities of a type, in the order of their ids.

    A filter holds an attribute against a value of its own type, `@TYPE:ID` for a reference; several hold together. NAME
    alone is for attributes that are set, !NAME for those that are not; a record's field is behind a dot.
    """
    filters = [read_filter(each) for each in where]
    request = pb.ListEntitiesRequest(type=type_, tenant=read_entity(tenant) if tenant else None, filters=filters)
    forms: list[Form] = []
    while len(forms) < limit:
        request.page_size = min(limit - len(forms), _LARGEST_PAGE)
        page = call(connection, lambda channel: EntityServiceStub(channel).ListEntities, request)
        forms += map(_entity_form, page.entities)
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    print_rows(forms, output)


@click.command("assign")
@_principal
@click.argument("role")
@_at
@_until
@_if_revision
@output_option
@connection_options
def assign(
    principal: str, role: str, place: str | None, until: str | None, if_revision: str, output: Output,
    **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """Assign ROLE to a principal, or to a team of principals."""
    request = pb.AssignRoleRequest(assignment=_assignment(principal, role, place, until), if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).AssignRole, request)
    _say(f"assigned {role} to {principal}", answer.revision, output)


@click.command("unassign")
@_principal
@click.argument("role")
@_at
@_if_revision
@output_option
@connection_options
def unassign(
    principal: str, role: str, place: str | None, if_revision: str, output: Output, **connection: Unpack[Connection]
) -> None:
    """Take ROLE away."""
    request = pb.UnassignRoleRequest(assignment=_assignment(principal, role, place, None), if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).UnassignRole, request)
    _say(f"took {role} from {principal}", answer.revision, output)


@click.command("roles")
@click.option("--of", "subject", metavar="TYPE:ID", help="Those that it holds itself.")
@_at
@output_option
@connection_options
def roles(subject: str | None, place: str | None, output: Output, **connection: Unpack[Connection]) -> None:
    """List role assignments."""
    request = pb.ListRoleAssignmentsRequest(
        subject=read_entity(subject) if subject else None, scope=read_entity(place) if place else None
    )
    print_rows(list(_assignments(request, connection)), output)


@click.command("relate")
@click.argument("resource", metavar="TYPE:ID")
@click.argument("relation")
@_principal
@_until
@_if_revision
@output_option
@connection_options
def relate(
    resource: str, relation: str, principal: str, until: str | None, if_revision: str, output: Output,
    **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """Make a principal or team the RELATION of a resource."""
    row = pb.Relation(
        resource=read_entity(resource),
        relation=relation,
        subject=read_entity(principal),
        expires_at=read_moment(until, "--until"),
    )
    request = pb.WriteRelationsRequest(writes=[row], if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).WriteRelations, request)
    _say(f"made {principal} {relation} of {resource}", answer.revision, output)


@click.command("unrelate")
@click.argument("resource", metavar="TYPE:ID")
@click.argument("relation")
@_principal
@_if_revision
@output_option
@connection_options
def unrelate(
    resource: str, relation: str, principal: str, if_revision: str, output: Output, **connection: Unpack[Connection]
) -> None:
    """Undo `relate`."""
    row = pb.Relation(resource=read_entity(resource), relation=relation, subject=read_entity(principal))
    request = pb.WriteRelationsRequest(deletes=[row], if_revision=if_revision)
    answer = call(connection, lambda channel: EntityServiceStub(channel).WriteRelations, request)
    _say(f"{principal} is no {relation} of {resource}", answer.revision, output)


@click.command("relations")
@click.option("--of", "resource", metavar="TYPE:ID", help="Those of that resource.")
@click.option("--named", default="", metavar="RELATION", help="Those of that relation.")
@click.option("--to", "subject", metavar="TYPE:ID", help="Those that lead to it itself.")
@output_option
@connection_options
def relations(
    resource: str | None, named: str, subject: str | None, output: Output, **connection: Unpack[Connection]
) -> None:
    """List the rows of stored relations."""
    request = pb.ListRelationsRequest(
        resource=read_entity(resource) if resource else None,
        relation=named,
        subject=read_entity(subject) if subject else None,
        page_size=_LARGEST_PAGE,
    )
    pages = call_pages(connection, lambda channel: EntityServiceStub(channel).ListRelations, request)
    print_rows([_relation_form(row) for page in pages for row in page.relations], output)


def _relation_form(row: pb.Relation) -> Form:
    return {
        "kind": "relation",
        "resource": _ref_form(row.resource),
        "relation": row.relation,
        "principal": _ref_form(row.subject),
        "expires_at": write_moment(row.expires_at),
    }


def _assignments(request: pb.ListRoleAssignmentsRequest, connection: Connection) -> Iterator[Form]:
    request.page_size = _LARGEST_PAGE
    for page in call_pages(connection, lambda channel: EntityServiceStub(channel).ListRoleAssignments, request):
        for held in page.assignments:
            yield {
                "kind": "assignment",
                "principal": _ref_form(held.subject),
                "role": held.role,
                "scope": _ref_form(held.scope) if held.HasField("scope") else None,
                "expires_at": write_moment(held.expires_at),
            }


def _assignment(principal: str, role: str, place: str | None, until: str | None) -> pb.RoleAssignment:
    return pb.RoleAssignment(
        subject=read_entity(principal),
        role=role,
        scope=read_entity(place) if place else None,
        expires_at=read_moment(until, "--until"),
    )


def _entity_form(entity: Entity) -> Form:
    attributes = {name: _value_form(value) for name, value in sorted(entity.attributes.items())}
    return {
        "type": entity.type,
        "id": entity.id,
        "attributes": attributes,
        "parents": [_ref_form(parent) for parent in entity.parents],
    }


def _value_form(value: Value) -> Json:
    return given_form(values.read_value(value))


def _flattened(forms: Iterable[Form]) -> Iterator[Form]:
    for form in forms:
        fields = {name: value for name, value in form.items() if name != "kind"}
        attributes = fields.pop("attributes", None)
        fields |= attributes if isinstance(attributes, dict) else {}
        yield from ({"kind": form["kind"], "field": name, "value": value} for name, value in fields.items())


def _ref_form(ref: EntityRef) -> Json:
    return {"type": ref.type, "id": ref.id}


def _say(done: str, revision: str, output: Output) -> None:
    print_result(f"{done}; revision {revision}", {"revision": revision}, output)
