"""At each limit of the spool no record is answered that is not kept, or with `continue` each is, and counted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.config import SpoolSettings
from service.db.engine import Database
from service.decisions.frames import HEADER, make_frame
from service.decisions.segments import free_bytes, reading, segments, spool_size
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.errors import AuditUnavailable
from tests.e2e.running import wait_for
from tests.service.decisions.disks import ROOM, files_up_to, small_disk
from tests.service.decisions.records import sample, samples
from tests.service.decisions.syncs import unsyncable
from tests.service.decisions.test_spool import fill, ids_in

BATCHES = 40
OPEN = SpoolSettings(min_free_bytes=0)


@dataclass(frozen=True)
class Limit:
    """Settings, and a state of the machine, in which a spool cannot keep all of BATCHES."""

    settings: Mapping[str, object]
    state: Callable[[Path], AbstractContextManager[None]]


@contextmanager
def nothing_more(_: Path) -> Iterator[None]:
    yield


@contextmanager
def no_room_for_files(_: Path) -> Iterator[None]:
    with files_up_to(10_000):
        yield


@contextmanager
def no_more_files(folder: Path) -> Iterator[None]:
    """The folder has gone, and a file is in its place, which stops root too."""
    aside = folder.rename(folder.with_suffix(".aside"))
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


LIMITS = {
    "size": Limit({"max_bytes": 16_384, "segment_bytes": 4096}, nothing_more),
    "free space": Limit({"min_free_bytes": 1 << 60}, nothing_more),
    "a short write": Limit({}, no_room_for_files),
    "no folder": Limit({"segment_bytes": 4096, "max_bytes": 1 << 16}, no_more_files),
}


def limited(name: str, durability: str, when_full: str) -> SpoolSettings:
    given = {**OPEN.model_dump(), **LIMITS[name].settings, "durability": durability, "when_full": when_full}
    return SpoolSettings.model_validate(given)


@pytest.mark.parametrize("durability", ["process", "disk"])
@pytest.mark.parametrize("name", LIMITS)
def test_at_a_limit_what_is_not_kept_is_refused(
    folder: Path, name: str, durability: str, log_database: Database
) -> None:
    spool = Spool(folder, limited(name, durability, "refuse"))
    kept: list[str] = []
    refused = 0
    with LIMITS[name].state(folder):
        for _ in range(BATCHES):
            records = samples(2)
            try:
                keeping = spool.record(records)
                if keeping is not None:
                    keeping.wait()
            except AuditUnavailable:
                refused += 1
            else:
                kept += [record.id for record in records]
        assert (refused > 0, spool.is_failing) == (True, True)
    spool.close()
    Shipper(folder, log_database).ship()
    assert (ids_in(log_database), spool.unrecorded) == (kept, 0)


@pytest.mark.parametrize("durability", ["process", "disk"])
@pytest.mark.parametrize("name", LIMITS)
def test_at_a_limit_continue_answers_and_counts_what_is_not_kept(
    folder: Path, name: str, durability: str, log_database: Database
) -> None:
    spool = Spool(folder, limited(name, durability, "continue"))
    with LIMITS[name].state(folder):
        for _ in range(BATCHES):
            keeping = spool.record(samples(2))
            if keeping is not None:
                keeping.wait()
        assert spool.is_failing
    spool.close()
    Shipper(folder, log_database).ship()
    assert 0 < spool.unrecorded == BATCHES * 2 - len(ids_in(log_database))


def test_free_space_is_left_on_the_disk(tmp_path: Path, log_database: Database) -> None:
    with small_disk(tmp_path / "disk") as disk:
        folder = disk.folder / "spool"
        settings = SpoolSettings(max_bytes=1 << 16, min_free_bytes=ROOM // 2)
        spool = Spool(folder, settings)
        with disk.limited():
            kept = fill(spool)
            assert free_bytes(folder) >= ROOM // 2 - 4096  # a page, by which a file grows
        assert kept
        Shipper(folder, log_database).ship()
        spool.tend()
        spool.record([sample()])
        spool.close()


def test_a_full_spool_is_not_measured_for_each_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = list[Path]()

    def size_of(each: Path) -> int:
        measured.append(each)
        return 1 << 60

    monkeypatch.setattr("service.decisions.spool.spool_size", size_of)
    monkeypatch.setattr("service.decisions.spool.monotonic", lambda: 100.0)
    spool = Spool(folder, limited("size", "process", "continue"))
    for _ in range(BATCHES):
        spool.record([sample()])
    assert (len(measured), spool.unrecorded) == (1, BATCHES)
    spool.tend()
    assert len(measured) == 2
    spool.close()


def test_a_spool_without_room_says_so_before_anyone_asks(folder: Path) -> None:
    spool = Spool(folder, limited("free space", "process", "refuse"))
    spool.tend()
    assert spool.is_failing
    spool.close()


def test_a_segment_is_let_go_at_its_age_without_another_record(folder: Path) -> None:
    spool = Spool(folder, SpoolSettings(segment_seconds=1, min_free_bytes=0))
    spool.record([sample()])
    (path,) = segments(folder)

    def is_let_go() -> bool:
        spool.tend()
        with reading(path) as segment:
            return segment.is_final

    wait_for(is_let_go)
    spool.record([sample()])
    assert len(segments(folder)) == 2
    spool.close()


def test_the_records_before_a_short_write_stay_and_its_half_goes(folder: Path) -> None:
    spool = Spool(folder, OPEN)
    with files_up_to(10_000):
        fill(spool)
    (path,) = segments(folder)
    with reading(path) as segment:
        assert segment.is_final
    content, end = path.read_bytes(), len(HEADER)
    while end < len(content):
        length = int.from_bytes(content[end : end + 4], "little")
        assert make_frame(content[end + 8 : end + 8 + length]) == content[end : end + 8 + length]
        end += 8 + length
    assert end == len(content)
    spool.close()


def test_a_segment_cut_behind_what_was_shipped_is_finished(folder: Path, log_database: Database) -> None:
    """A crash of the machine may take back what the log's database already has."""
    spool, shipper = Spool(folder, OPEN), Shipper(folder, log_database)
    records = samples(3)
    for record in records:
        spool.record([record])
    shipper.ship()
    (path,) = segments(folder)
    spool.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert Shipper(folder, log_database).ship() == 0
    assert (ids_in(log_database), segments(folder)) == ([record.id for record in records], [])


def test_a_lost_segment_is_not_what_fills_the_spool(folder: Path, log_database: Database) -> None:
    spool = Spool(folder, OPEN.model_copy(update={"durability": "disk"}))
    spool.record([sample()])
    (path,) = segments(folder)
    with unsyncable(path):
        keeping = spool.record([sample()])
        assert keeping is not None
        with pytest.raises(AuditUnavailable):
            keeping.wait()
        spool.tend()
    Shipper(folder, log_database).ship()
    assert path not in segments(folder)
    assert spool_size(folder) > 0
    spool.close()
