"""EntityService: reads the message, has the facts read or written for the caller, writes the answer."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import NamedTuple

from grpc.aio import ServicerContext
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1 import entity_pb2_grpc as pb_grpc

from service.config import Limits
from service.doors.beside import beside
from service.doors.grpc.batch_codec import read_writes
from service.doors.grpc.caller import Callers
from service.doors.grpc.entity_codec import (
    given_expiry,
    given_refs,
    read_assignment,
    read_filters,
    read_id,
    read_links,
    read_put,
    read_ref,
    write_assignment,
    write_emergency,
    write_entity,
    write_link,
    write_told,
)
from service.doors.grpc.paging import page_size, read_page_token, write_page_token
from service.doors.grpc.rim import answering, gathering, streaming
from service.doors.grpc.transfers import TransferDoor
from service.doors.grpc.watches import Wanted, Watches
from service.entities.batch_writer import BatchWriter
from service.entities.breaking_glass import BreakingGlass
from service.entities.governed import GovernedEntities
from service.entities.readable import ASSIGNMENT_KEY, LINK_KEY, ReadableEntities
from service.governance.given_roles import GivenRoles, is_given


class Roles(NamedTuple):
    """Who gives roles of the module `magistrate`, and roles in an emergency."""

    given: GivenRoles
    emergencies: BreakingGlass


class EntityServicer(pb_grpc.EntityServiceServicer):
    """The RPCs; a write waits for the disk, so none runs on the loop."""

    def __init__(
        self,
        *,
        callers: Callers,
        writes: GovernedEntities,
        batches: BatchWriter,
        reads: ReadableEntities,
        roles: Roles,
        watches: Watches,
        transfers: TransferDoor,
        limits: Limits,
    ) -> None:
        self._callers = callers
        self._writes = writes
        self._batches = batches
        self._reads = reads
        self._roles, self._emergencies = roles
        self._watches = watches
        self._transfers = transfers
        self._limits = limits

    @answering
    async def PutEntity(  # noqa: N802
        self, request: pb.PutEntityRequest, context: ServicerContext[pb.PutEntityRequest, pb.PutEntityResponse]
    ) -> pb.PutEntityResponse:
        """Writes an entity whole."""
        caller, given = await self._callers.admitted(context), read_put(request, self._limits)
        attributes, parents = dict(given.attributes), given_refs(given.parents)
        revision = await beside(
            self._writes.put, caller, given.ref, attributes, parents, if_revision=request.if_revision
        )
        return pb.PutEntityResponse(revision=revision)

    @answering
    async def GetEntity(  # noqa: N802
        self, request: pb.GetEntityRequest, context: ServicerContext[pb.GetEntityRequest, pb.GetEntityResponse]
    ) -> pb.GetEntityResponse:
        """Reads an entity."""
        caller, ref = await self._callers.admitted(context), read_ref("entity", request.entity)
        form, revision = await beside(self._reads.get, caller, ref)
        return pb.GetEntityResponse(entity=write_entity(form), revision=revision)

    @answering
    async def DeleteEntity(  # noqa: N802
        self, request: pb.DeleteEntityRequest, context: ServicerContext[pb.DeleteEntityRequest, pb.DeleteEntityResponse]
    ) -> pb.DeleteEntityResponse:
        """Deletes an entity."""
        caller, ref = await self._callers.admitted(context), read_ref("entity", request.entity)
        revision = await beside(self._writes.delete, caller, ref, if_revision=request.if_revision)
        return pb.DeleteEntityResponse(revision=revision)

    @answering
    async def ListEntities(  # noqa: N802
        self, request: pb.ListEntitiesRequest, context: ServicerContext[pb.ListEntitiesRequest, pb.ListEntitiesResponse]
    ) -> pb.ListEntitiesResponse:
        """Lists the entities of a type."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        type_ = read_id("type", request.type)
        tenant = read_ref("tenant", request.tenant) if request.HasField("tenant") else None
        after = read_page_token(request.page_token, 1)[0] if request.page_token else None
        filters = read_filters(request.filters, self._limits)
        page = await beside(self._reads.page, caller, type_, tenant=tenant, filters=filters, limit=size, after=after)
        following = write_page_token([page.next_after]) if page.next_after is not None else ""
        return pb.ListEntitiesResponse(entities=map(write_entity, page.forms), next_page_token=following)

    @answering
    async def AssignRole(  # noqa: N802
        self, request: pb.AssignRoleRequest, context: ServicerContext[pb.AssignRoleRequest, pb.AssignRoleResponse]
    ) -> pb.AssignRoleResponse:
        """Assigns a role."""
        caller, given = await self._callers.admitted(context), read_assignment(request.assignment)
        until, if_revision = given_expiry(given.expires_at), request.if_revision
        revision = await beside(
            lambda: (
                self._roles.assign(caller, given, if_revision=if_revision)
                if is_given(given.role)
                else self._writes.assign(
                    caller, given.subject, given.role, given.place, expires_at=until, if_revision=if_revision
                )
            )
        )
        return pb.AssignRoleResponse(revision=revision)

    @answering
    async def UnassignRole(  # noqa: N802
        self, request: pb.UnassignRoleRequest, context: ServicerContext[pb.UnassignRoleRequest, pb.UnassignRoleResponse]
    ) -> pb.UnassignRoleResponse:
        """Takes a role away."""
        caller, taken = await self._callers.admitted(context), read_assignment(request.assignment)
        if_revision = request.if_revision
        revision = await beside(
            lambda: (
                self._roles.unassign(caller, taken, if_revision=if_revision)
                if is_given(taken.role)
                else self._writes.unassign(caller, taken.subject, taken.role, taken.place, if_revision=if_revision)
            )
        )
        return pb.UnassignRoleResponse(revision=revision)

    @answering
    async def ListRoleAssignments(  # noqa: N802
        self,
        request: pb.ListRoleAssignmentsRequest,
        context: ServicerContext[pb.ListRoleAssignmentsRequest, pb.ListRoleAssignmentsResponse],
    ) -> pb.ListRoleAssignmentsResponse:
        """Lists role assignments."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        subject = read_ref("subject", request.subject) if request.HasField("subject") else None
        scope = read_ref("scope", request.scope) if request.HasField("scope") else None
        after = read_page_token(request.page_token, ASSIGNMENT_KEY) if request.page_token else None
        page = await beside(self._reads.assignments, caller, subject=subject, place=scope, limit=size, after=after)
        following = write_page_token(page.next_after) if page.next_after is not None else ""
        return pb.ListRoleAssignmentsResponse(assignments=map(write_assignment, page.found), next_page_token=following)

    @answering
    async def BreakGlass(  # noqa: N802
        self, request: pb.BreakGlassRequest, context: ServicerContext[pb.BreakGlassRequest, pb.BreakGlassResponse]
    ) -> pb.BreakGlassResponse:
        """Gives a role in an emergency."""
        caller, wanted = await self._callers.admitted(context), read_assignment(request.assignment)
        grant, revision = await beside(self._emergencies.give, caller, wanted, request.reason)
        return pb.BreakGlassResponse(id=grant.id, revision=revision)

    @answering
    async def EndBreakGlass(  # noqa: N802
        self,
        request: pb.EndBreakGlassRequest,
        context: ServicerContext[pb.EndBreakGlassRequest, pb.EndBreakGlassResponse],
    ) -> pb.EndBreakGlassResponse:
        """Ends a grant before its time."""
        caller, id_ = await self._callers.admitted(context), read_id("id", request.id)
        _, revision = await beside(self._emergencies.end, caller, id_)
        return pb.EndBreakGlassResponse(revision=revision)

    @answering
    async def ListBreakGlass(  # noqa: N802
        self,
        request: pb.ListBreakGlassRequest,
        context: ServicerContext[pb.ListBreakGlassRequest, pb.ListBreakGlassResponse],
    ) -> pb.ListBreakGlassResponse:
        """Lists emergency grants."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        place = read_ref("scope", request.scope) if request.HasField("scope") else None
        after = read_page_token(request.page_token, 1)[0] if request.page_token else None
        page = await beside(
            self._emergencies.page, caller, only_active=request.only_active, place=place, limit=size, after=after
        )
        following = write_page_token([page.next_after]) if page.next_after is not None else ""
        return pb.ListBreakGlassResponse(grants=map(write_emergency, page.found), next_page_token=following)

    @answering
    async def WriteRelations(  # noqa: N802
        self,
        request: pb.WriteRelationsRequest,
        context: ServicerContext[pb.WriteRelationsRequest, pb.WriteRelationsResponse],
    ) -> pb.WriteRelationsResponse:
        """Writes and deletes stored relations."""
        caller, (writes, deletes) = await self._callers.admitted(context), read_links(request)
        revision = await beside(self._writes.write_relations, caller, writes, deletes, if_revision=request.if_revision)
        return pb.WriteRelationsResponse(revision=revision)

    @answering
    async def ListRelations(  # noqa: N802
        self,
        request: pb.ListRelationsRequest,
        context: ServicerContext[pb.ListRelationsRequest, pb.ListRelationsResponse],
    ) -> pb.ListRelationsResponse:
        """Lists the rows of stored relations."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        resource = read_ref("resource", request.resource) if request.HasField("resource") else None
        subject = read_ref("subject", request.subject) if request.HasField("subject") else None
        after = read_page_token(request.page_token, LINK_KEY) if request.page_token else None
        page = await beside(
            self._reads.relations,
            caller,
            resource=resource,
            relation=read_id("relation", request.relation) if request.relation else None,
            subject=subject,
            limit=size,
            after=after,
        )
        following = write_page_token(page.next_after) if page.next_after is not None else ""
        return pb.ListRelationsResponse(relations=map(write_link, page.found), next_page_token=following)

    @answering
    async def WriteFacts(  # noqa: N802
        self, request: pb.WriteFactsRequest, context: ServicerContext[pb.WriteFactsRequest, pb.WriteFactsResponse]
    ) -> pb.WriteFactsResponse:
        """Does many writes, all or none."""
        caller = await self._callers.admitted(context, max(1, len(request.writes)))
        writes = read_writes(request.writes, self._limits)
        revision = await beside(self._batches.write, caller, writes, if_revision=request.if_revision)
        return pb.WriteFactsResponse(revision=revision)

    @streaming
    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: ServicerContext[pb.WatchRequest, pb.WatchResponse]
    ) -> AsyncGenerator[pb.WatchResponse, None]:
        """Tells what changes."""
        tenant = read_ref("tenant", request.tenant) if request.HasField("tenant") else None
        wanted = Wanted(tenant, request.after_revision)
        async with aclosing(self._watches.follow(wanted, context)) as changes:
            async for told in changes:
                yield write_told(told)

    @gathering
    async def Import(  # noqa: N802
        self,
        requests: AsyncIterator[pb.ImportRequest | None],
        context: ServicerContext[pb.ImportRequest, pb.ImportResponse],
    ) -> pb.ImportResponse:
        """Imports JSON lines."""
        return await self._transfers.take(requests, context)

    @streaming
    def Export(  # noqa: N802
        self,
        request: pb.ExportRequest,  # noqa: ARG002  # it says nothing
        context: ServicerContext[pb.ExportRequest, pb.ExportResponse],
    ) -> AsyncGenerator[pb.ExportResponse, None]:
        """Exports JSON lines."""
        return self._transfers.give(context)
