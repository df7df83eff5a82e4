"""With `durability` = `disk` nothing is answered that the disk does not have, and many answers share one sync."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import SpoolSettings
from service.db.engine import Database
from service.decisions.counting import CountingRecorder
from service.decisions.patient import Patient
from service.decisions.segments import reading, segments
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.errors import AuditUnavailable
from service.model import Keeping
from service.samples import Samples
from tests.e2e.running import wait_for
from tests.service.decisions.records import sample, samples
from tests.service.decisions.syncs import PATIENCE, Syncs, descriptors_of, unsyncable, watched_syncs
from tests.service.decisions.test_spool import ids_in

DISK = SpoolSettings(durability="disk", min_free_bytes=0)


@pytest.fixture
def syncs() -> Iterator[Syncs]:
    with watched_syncs() as watched:
        yield watched


@pytest.fixture
def durable(folder: Path) -> Iterator[Spool]:
    opened = Spool(folder, DISK)
    yield opened
    opened.close()


def recorded(spool: Spool) -> Keeping:
    """One record; what is to be waited for."""
    keeping = spool.record([sample()])
    assert keeping is not None
    return keeping


async def within_a_group(keeping: Keeping) -> None:
    await keeping


def test_with_process_a_write_is_enough(spool: Spool, syncs: Syncs) -> None:
    assert spool.record([sample()]) is None
    assert syncs.done == []


def test_the_segment_and_then_its_name_are_synced_before_the_first_answer(
    syncs: Syncs, durable: Spool, folder: Path
) -> None:
    del syncs.done[:]
    recorded(durable).wait()
    recorded(durable).wait()
    (segment,) = segments(folder)
    assert syncs.done == [segment.name, folder.name, segment.name]


def test_the_folders_above_a_new_spool_are_synced(syncs: Syncs, tmp_path: Path) -> None:
    Spool(tmp_path / "data" / "spool" / "local", DISK).close()
    assert syncs.done == ["spool", "data", tmp_path.name]


def test_what_comes_during_a_sync_shares_the_next_and_the_loop_goes_on(syncs: Syncs, durable: Spool) -> None:
    async def ask() -> list[bool]:
        recorded(durable).wait()
        del syncs.done[:]
        syncs.hold()
        first = asyncio.create_task(within_a_group(recorded(durable)))
        assert await asyncio.to_thread(syncs.under_way.acquire, timeout=PATIENCE)
        rest = [asyncio.create_task(within_a_group(recorded(durable))) for _ in range(50)]
        for _ in range(10):
            await asyncio.sleep(0)
        before = [task.done() for task in (first, *rest)]
        syncs.release()
        await asyncio.gather(first, *rest)
        return before

    assert asyncio.run(ask()) == [False] * 51
    assert len(syncs.done) == 2


def test_one_who_goes_away_ends_no_other_wait(syncs: Syncs, durable: Spool) -> None:
    async def ask() -> tuple[bool, bool]:
        syncs.hold()
        keeping = recorded(durable)
        gone, staying = (asyncio.create_task(within_a_group(keeping)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        syncs.release()
        await staying
        return gone.cancelled(), staying.done()

    assert asyncio.run(ask()) == (True, True)


def test_a_thread_waits_for_the_sync_too(syncs: Syncs, durable: Spool) -> None:
    syncs.hold()
    acting = threading.Thread(target=Patient(durable).record, args=([sample()],))
    acting.start()
    assert syncs.under_way.acquire(timeout=PATIENCE)
    assert acting.is_alive()
    syncs.release()
    acting.join(PATIENCE)
    assert not acting.is_alive()


def test_a_failed_sync_is_never_tried_again_and_the_next_record_begins_a_segment(
    syncs: Syncs, durable: Spool, folder: Path, log_database: Database
) -> None:
    kept = samples(2)
    for keeping in [durable.record(kept[:1])]:
        assert keeping is not None
        keeping.wait()
    (lost,) = segments(folder)
    del syncs.done[:]
    with unsyncable(lost):
        syncs.hold()
        first = recorded(durable)
        assert syncs.under_way.acquire(timeout=PATIENCE)
        second = recorded(durable)
        syncs.release()
        for keeping in (first, second):
            with pytest.raises(AuditUnavailable, match=r"Invalid argument|earlier sync"):
                keeping.wait()
        assert durable.is_failing
        third = durable.record(kept[1:])
        assert third is not None
        third.wait()
    assert not durable.is_failing
    assert lost.name not in syncs.done
    durable.close()
    assert descriptors_of(lost) == []
    Shipper(folder, log_database).ship()
    assert ids_in(log_database) == [record.id for record in kept]


def test_a_sync_that_hangs_shows(syncs: Syncs, durable: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.decisions.spool.STALL_SECONDS", 0.0)
    assert not durable.is_failing
    syncs.hold()
    keeping = recorded(durable)
    assert syncs.under_way.acquire(timeout=PATIENCE)
    assert durable.is_failing
    syncs.release()
    keeping.wait()
    wait_for(lambda: not durable.is_failing)


def test_continue_answers_and_counts_what_could_not_be_synced(folder: Path, syncs: Syncs) -> None:
    spool, counts = Spool(folder, DISK.model_copy(update={"when_full": "continue"})), Samples()
    recorder = CountingRecorder(spool, counts)
    recorded(spool).wait()
    (segment,) = segments(folder)
    with unsyncable(segment):
        keeping = recorder.record(samples(3))
        assert keeping is not None
        keeping.wait()
    assert (spool.unrecorded, spool.is_failing) == (3, True)
    assert sum(counts.counters.values()) == 3
    spool.tend()
    spool.close()
    assert not spool.is_failing


def test_what_is_refused_is_not_counted_as_decided(folder: Path) -> None:
    spool, counts = Spool(folder, DISK), Samples()
    recorded(spool).wait()
    (segment,) = segments(folder)
    with unsyncable(segment):
        keeping = CountingRecorder(spool, counts).record(samples(3))
        assert keeping is not None
        with pytest.raises(AuditUnavailable):
            keeping.wait()
    spool.close()
    assert counts.counters == {}


def test_full_segments_are_synced_before_they_are_let_go(folder: Path, syncs: Syncs, log_database: Database) -> None:
    spool = Spool(folder, DISK.model_copy(update={"segment_bytes": 4096}))
    syncs.hold()
    keepings = [recorded(spool) for _ in range(30)]
    held = segments(folder)
    assert len(held) > 2
    for path in held:
        with reading(path) as segment:
            assert not segment.is_final
    syncs.release()
    for keeping in keepings:
        keeping.wait()
    assert {path.name for path in held} <= set(syncs.done)
    spool.close()
    Shipper(folder, log_database).ship()
    assert (len(ids_in(log_database)), segments(folder)) == (30, [])
