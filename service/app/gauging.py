"""Keeps true what a worker tells of itself: its health, its record, its feed, its credentials, its calls."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from service.app.credentials import Credentials
from service.app.life import WorkerLife
from service.decisions.spool import Spool
from service.doors.calls import DOORS
from service.doors.grpc.server import GrpcDoor
from service.entities.fresh_facts import FreshFacts
from service.feed.feed import Feed
from service.reception.reception import Reception
from service.samples import Samples
from service.stages import tell_stages
from service.telemetry import lines_lost

GAUGE_SECONDS: Final = 0.25
"""How soon a change is told."""
LOOP_SECONDS: Final = 0.1


class Tells(Protocol):
    """What counts by itself."""

    def tell(self, samples: Samples) -> None:
        """Says what it counted."""
        ...


async def tell_health(door: GrpcDoor, feed: Feed, life: WorkerLife, has_any: Callable[[], bool]) -> None:
    """Has the door say whether this worker should be asked.

    Not while its facts are too old or it has no policies, nor once it leaves.
    """
    is_serving = True
    while True:
        if (feed.is_fresh() and has_any() and not life.leave.is_set()) != is_serving:
            is_serving = not is_serving
            door.say(is_serving=is_serving)
        # Not wait_for: on 3.11 it loses a cancellation that comes as it ends, and the drain would wait for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(GAUGE_SECONDS):
                await (life.leave.wait() if is_serving else asyncio.sleep(GAUGE_SECONDS))


async def gauge_policies(samples: Samples, has_any: Callable[[], bool]) -> None:
    """Tells whether there are policies to answer by."""
    while True:
        samples.gauges["magistrate_policy_answering"] = float(has_any())
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_record(samples: Samples, spool: Spool, feed: Feed) -> None:
    """Looks after the record, and tells how it and the feed are."""
    while True:
        spool.tend()
        samples.gauges["magistrate_spool_failing"] = float(spool.is_failing)
        samples.gauges["magistrate_feed_lag_seconds"] = min(feed.staleness, 86_400.0)
        samples.gauges["magistrate_feed_revision"] = feed.applied
        samples.counters["magistrate_unrecorded", ()] = spool.unrecorded
        samples.counters["magistrate_log_lines_lost", ()] = lines_lost()
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_credentials(samples: Samples, credentials: Credentials) -> None:
    """Tells of the credentials that are remembered."""
    authenticator, tls = credentials.authenticator, credentials.tls
    while True:
        counts = dict(authenticator.cache_counts)
        if tls is not None:
            counts["certificate"] = tls.verifier.cache_counts
        for kind, counted in counts.items():
            for result, count in (("hit", counted.hits), ("miss", counted.misses)):
                samples.counters["magistrate_credential_cache", (("kind", kind), ("result", result))] = count
        samples.gauges["magistrate_credential_cache_entries"] = sum(counted.entries for counted in counts.values())
        credentials.keys.tell(samples)
        credentials.own.count(samples)
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_calls(samples: Samples, reception: Reception) -> None:
    """Tells of the calls that came, and of those that were not let in."""
    while True:
        for flaw, times in reception.unauthenticated.items():
            samples.counters["magistrate_unauthenticated", (("reason", flaw.value),)] = times
        for door in DOORS:
            door.tell(samples)
        tell_stages(samples)
        placeless = 0 if reception.rates is None else reception.rates.refused
        samples.counters["magistrate_rate_limited", ()] = reception.rate_limited + placeless
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_facts(samples: Samples, facts: FreshFacts) -> None:
    """Tells from where facts were read, and how many are kept."""
    while True:
        for result, times in facts.reads.items():
            samples.counters["magistrate_fact_reads", (("result", result),)] = times
        samples.gauges["magistrate_fact_cache_entries"] = facts.kept
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_traces(samples: Samples, traces: Tells) -> None:
    """Tells how many calls were traced."""
    while True:
        traces.tell(samples)
        await asyncio.sleep(GAUGE_SECONDS)


async def gauge_loop(samples: Samples) -> None:
    """Tells how late the loop comes to what is due: what holds it up holds up every call."""
    loop, lag = asyncio.get_running_loop(), samples.histogram("magistrate_loop_lag_seconds")
    while True:
        due = loop.time() + LOOP_SECONDS
        await asyncio.sleep(LOOP_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
