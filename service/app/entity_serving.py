"""Builds what answers EntityService in a worker: reads, writes, watches and transfers of the facts that it keeps."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from service.app.own_credentials import revoke_own
from service.config import Settings
from service.db.engine import Database
from service.doors.grpc.caller import Callers
from service.doors.grpc.entities import EntityServicer, Roles
from service.doors.grpc.transfers import TransferDoor
from service.doors.grpc.watches import Watches
from service.entities.batch_writer import BatchWriter
from service.entities.breaking_glass import BreakingGlass
from service.entities.elsewhere import Elsewhere
from service.entities.governed import GovernedEntities
from service.entities.readable import ReadableEntities
from service.entities.standing import Standing, nothing_coming
from service.entities.transfer_wiring import build_transfer_office
from service.entities.watching import Watching
from service.feed.feed import Feed
from service.governance.gate import Gate
from service.governance.given_roles import GivenRoles
from service.governance.module import check_grant
from service.policies.coming import ComingPolicies
from service.policies.holder import PolicyHolder
from service.ports import Clock, Policies


class KeptFacts(NamedTuple):
    """Where facts are kept, by which policies, what of them is kept elsewhere, and what else they must fit."""

    database: Database
    policies: Policies
    elsewhere: Elsewhere
    standing: Standing


def standing_of(settings: Settings, holder: PolicyHolder) -> Standing:
    """What else than the policies in force facts must fit: those that are being put in force, in the store mode."""
    return ComingPolicies(holder) if settings.policies_source == "store" else nothing_coming


def entity_servicer(
    settings: Settings,
    callers: Callers,
    gate: Gate,
    *,
    facts: KeptFacts,
    feed: Feed,
    clock: Clock,
    ended: Callable[[], Awaitable[object]],
) -> EntityServicer:
    """What answers EntityService; `ended` returns when watches are to come to their end."""
    database, policies, elsewhere, standing = facts
    return EntityServicer(
        callers=callers,
        writes=GovernedEntities(
            database, policies, gate, clock=clock, also=revoke_own, elsewhere=elsewhere, standing=standing
        ),
        reads=ReadableEntities(database.aside(), policies, gate, elsewhere),
        batches=BatchWriter(
            database,
            policies,
            gate,
            check_grant=check_grant,
            clock=clock,
            also=revoke_own,
            elsewhere=elsewhere,
            standing=standing,
        ),
        roles=Roles(
            GivenRoles(database, gate),
            BreakingGlass(
                database,
                policies,
                gate,
                clock=clock,
                longest_seconds=settings.break_glass.longest_seconds,
                elsewhere=elsewhere,
            ),
        ),
        watches=Watches(callers, Watching(database.aside(), gate), feed, most=settings.limits.watches, ended=ended),
        transfers=TransferDoor(callers, build_transfer_office(settings, database, policies, gate), settings.transfers),
        limits=settings.limits,
    )
