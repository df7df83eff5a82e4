"""Builds what answers each service of the contract in a worker."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial

from service.app.core import Core
from service.app.entity_serving import KeptFacts, entity_servicer, standing_of
from service.app.life import wall_clock
from service.app.log_reading import log_reading
from service.app.trusting import NO_SCHEMA
from service.asking import Asking, nothing_at_hand
from service.doors.grpc.authorization import AuthorizationServicer
from service.doors.grpc.credential import CredentialServicer
from service.doors.grpc.entities import EntityServicer
from service.doors.grpc.policy import PolicyServicer, Reached
from service.doors.grpc.server import AUTHORIZATION, CREDENTIAL, DECISION_LOG, ENTITY, POLICY, Served
from service.entities.at_hand import NotAtHand
from service.entities.fresh_facts import FreshFacts
from service.feed.feed import Feed
from service.feed.revision import Revision
from service.model import Batch, Consistency, Known
from service.policies.wiring import build_office, build_review_office
from service.shadowing import Shadowing


@asynccontextmanager
async def services(core: Core, asking: Asking) -> AsyncIterator[tuple[Served, ...]]:
    """The services while the block runs."""
    settings, life = core.settings, core.given.life
    async with log_reading(
        settings, core.callers, gate=core.gate, policies=core.policies, facts=core.database, ended=life.stop.wait
    ) as log:
        served: tuple[Served, ...] = (
            (AUTHORIZATION, AuthorizationServicer(core.callers, asking, settings.limits, ended=life.stop.wait)),
            (CREDENTIAL, _credentials(core)),
            (DECISION_LOG, log),
            (ENTITY, _entities(core)),
        )
        if settings.policies_source == "store":
            office = build_office(settings, core.database, gate=core.gate, clock=wall_clock)
            reviews = build_review_office(settings, core.database, gate=core.gate)
            served = (*served, (POLICY, PolicyServicer(core.callers, office, reviews, _reaching(core.feed))))
        yield served


def build_asking(core: Core, fresh: FreshFacts, shadowing: Shadowing) -> Asking:
    """What answers the questions of every door, from facts as fresh as asked."""
    facts = core.sources.beside(fresh)

    def fetch(batch: Batch, consistency: Consistency, timeout_ms: int | None) -> Awaitable[Known]:
        schema = batch.policies.bundle.program.schema
        return facts.read(schema, partial(core.pdp.know, batch), consistency=consistency, timeout_ms=timeout_ms)

    def reach(consistency: Consistency, timeout_ms: int | None) -> Awaitable[Consistency]:
        # Of no schema: the policies may be what is waited for.
        return facts.reach(NO_SCHEMA, consistency, timeout_ms=timeout_ms)

    def at_hand(batch: Batch) -> Known | None:
        schema = batch.policies.bundle.program.schema
        try:
            return fresh.at_hand(schema, partial(core.pdp.know, batch))
        except NotAtHand:
            return None

    # What is kept of mapped sources ages: they are looked at each time.
    look = at_hand if facts is fresh else nothing_at_hand
    return Asking(core.callers.reception, core.pdp, fetch=fetch, reach=reach, at_hand=look, shadowing=shadowing)


def _credentials(core: Core) -> CredentialServicer:
    known, gate = core.credentials, core.gate
    revoking = known.revoking(gate, wall_clock)
    known.follow(core.given.holder, core.governance, revoking)
    return CredentialServicer(core.callers, known.acts(revoking, gate, wall_clock))


def _entities(core: Core) -> EntityServicer:
    standing = standing_of(core.settings, core.given.holder)
    return entity_servicer(
        core.settings,
        core.callers,
        core.gate,
        facts=KeptFacts(core.database, core.policies, core.sources.elsewhere, standing),
        feed=core.feed,
        clock=wall_clock,
        ended=core.given.life.stop.wait,
    )


def _reaching(feed: Feed) -> Reached:
    """Waits until this worker has applied a revision."""

    async def reached(revision: str, within: float) -> None:
        await feed.reached(Revision.parse(revision), within)

    return reached
