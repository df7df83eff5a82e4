"""Every record of the spool reaches the log exactly once, whatever dies or is away meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from service.config import SpoolSettings
from service.db.engine import Database
from service.db.log_tables import decision, decision_rule
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.frames import HEADER, MAGIC, make_frame
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.payload import encode_batch
from service.decisions.segments import segments
from service.decisions.shipper import CHUNK, Shipper, pause
from service.decisions.spool import Spool
from service.decisions.stored import VERSION
from service.errors import FactsUnavailable
from service.model import DecisionRecord
from tests.service.decisions.records import sample, samples

NAME = "01890a5d-ac96-774b-bcce-b302099a8057.seg"


def logged(database: Database) -> list[DecisionRecord]:
    """Every record in the log, the oldest first."""
    return list(DecisionLog(database).query(LogFilter(), 10_000).records)[::-1]


def test_what_is_recorded_is_found_as_it_was(spool: Spool, folder: Path, log_database: Database) -> None:
    records = samples(5)
    spool.record(records[:1])
    spool.record(records[1:])
    assert Shipper(folder, log_database).ship() == 5
    assert logged(log_database) == records


def test_shipping_again_moves_only_what_is_new(spool: Spool, folder: Path, log_database: Database) -> None:
    shipper, records = Shipper(folder, log_database), samples(3)
    spool.record(records[:2])
    assert [shipper.ship(), shipper.ship()] == [2, 0]
    spool.record(records[2:])
    assert Shipper(folder, log_database).ship() == 1
    assert logged(log_database) == records


def test_what_is_far_behind_is_shipped_at_once_by_the_urgent_thread(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    records, begun = samples(4), list[str]()
    with ThreadPoolExecutor(1, initializer=lambda: begun.append("urgent")) as urgent:
        spool.record(records[:3])
        few = len(encode_batch(records[:3]))
        patient = Shipper(folder, log_database, urgent=urgent, behind=10 * few)
        assert (patient.ship(), begun) == (3, [])
        spool.record(records[3:])
        hasty = Shipper(folder, log_database, urgent=urgent, behind=8)
        assert (hasty.ship(), begun) == (1, ["urgent"])
    assert logged(log_database) == records


def test_a_live_segment_stays_and_a_closed_one_goes(spool: Spool, folder: Path, log_database: Database) -> None:
    shipper = Shipper(folder, log_database)
    spool.record([sample()])
    shipper.ship()
    assert len(segments(folder)) == 1
    spool.close()
    shipper.ship()
    assert segments(folder) == []


def test_two_shippers_in_a_race_ship_every_record_once(folder: Path, log_database: Database) -> None:
    settings = SpoolSettings(segment_bytes=4096)
    spools = [Spool(folder, settings) for _ in range(2)]
    shippers = [Shipper(folder, log_database) for _ in range(2)]
    records = samples(300)
    written = threading.Event()

    def ship_until_empty(shipper: Shipper) -> None:
        while not written.is_set() or segments(folder):
            try:
                shipper.ship()
            except FactsUnavailable:  # both began the same segment: one was refused, and tries again
                continue

    with ThreadPoolExecutor(2) as threads:
        ways = [threads.submit(ship_until_empty, shipper) for shipper in shippers]
        for place in range(0, len(records), 3):
            spools[place % 2].record(records[place : place + 3])
        for spool in spools:
            spool.close()
        written.set()
        for way in ways:
            way.result()
    assert logged(log_database) == records


def test_a_shipper_with_an_old_position_moves_nothing(spool: Spool, folder: Path, log_database: Database) -> None:
    early, late = Shipper(folder, log_database), Shipper(folder, log_database)
    spool.record([sample()])
    early.ship()
    late.ship()
    spool.record([sample()])
    assert [late.ship(), early.ship(), early.ship()] == [1, 0, 0]
    assert len(logged(log_database)) == 2


@pytest.mark.parametrize("kept", [0, 3, 20])
def test_a_torn_tail_is_cut_and_the_rest_is_shipped(folder: Path, log_database: Database, kept: int) -> None:
    records = samples(2)
    folder.mkdir()
    whole, torn = (make_frame(encode_batch([record])) for record in records)
    (folder / NAME).write_bytes(HEADER + whole + torn[:kept])
    assert Shipper(folder, log_database).ship() == 1
    assert logged(log_database) == records[:1]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("fault", [b"\0" * 40, b"\xff" * 40, make_frame(b"no records")], ids=["zeros", "ones", "json"])
def test_a_damaged_segment_is_shipped_to_its_fault_and_set_aside(
    folder: Path, log_database: Database, fault: bytes
) -> None:
    records = samples(2)
    folder.mkdir()
    first, second = (make_frame(encode_batch([record])) for record in records)
    content = HEADER + first + fault + second
    (folder / NAME).write_bytes(content)
    assert Shipper(folder, log_database).ship() == 1
    assert logged(log_database) == records[:1]
    assert (folder / NAME).with_suffix(".damaged").read_bytes() == content


def test_no_segment_waits_for_one_whose_disk_fails(spool: Spool, folder: Path, log_database: Database) -> None:
    spool.record([sample()])
    broken = folder / "0.seg"
    broken.mkdir()  # the system reads it as little as a file on a broken disk
    shipper = Shipper(folder, log_database)
    assert (shipper.ship(), shipper.failures) == (1, 1)
    assert DecisionLog(log_database).unshipped(folder) == {broken.name: broken.stat().st_size}


def test_a_segment_of_a_later_version_waits_for_it(folder: Path, log_database: Database) -> None:
    folder.mkdir()
    (folder / NAME).write_bytes(MAGIC + b"\x02" + make_frame(b"later"))
    assert Shipper(folder, log_database).ship() == 0
    assert segments(folder) == [folder / NAME]


def test_records_in_a_later_format_wait_for_a_later_version(folder: Path, log_database: Database) -> None:
    first, second = samples(2)
    later = orjson.dumps([[VERSION + 1, *orjson.loads(encode_batch([second]))[0][1:], "more"]])
    folder.mkdir()
    (folder / NAME).write_bytes(HEADER + make_frame(encode_batch([first])) + make_frame(later))
    shipper = Shipper(folder, log_database)
    assert [shipper.ship(), shipper.ship()] == [1, 0]
    assert (logged(log_database), segments(folder)) == ([first], [folder / NAME])


def test_records_wait_in_the_spool_for_an_absent_database(spool: Spool, folder: Path, tmp_path: Path) -> None:
    records = samples(3)
    spool.record(records)
    database = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    shipper = Shipper(folder, database)
    with pytest.raises(FactsUnavailable):
        shipper.ship()
    migrate(database, "log")
    assert shipper.ship() == 3
    assert logged(database) == records
    database.close()


def test_what_was_not_committed_is_shipped_later(spool: Spool, folder: Path, log_database: Database) -> None:
    records = samples(2)
    spool.record(records)
    with log_database.write() as connection:
        decision_rule.drop(connection)
    with pytest.raises(FactsUnavailable):
        Shipper(folder, log_database).ship()
    with log_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(decision)).scalar() == 0
    with log_database.write() as connection:
        decision_rule.create(connection)
    assert Shipper(folder, log_database).ship() == 2
    assert logged(log_database) == records


def test_the_loop_ships_what_is_left_when_it_is_told_to_stop(
    spool: Spool, folder: Path, log_database: Database
) -> None:
    stop = threading.Event()
    loop = threading.Thread(target=Shipper(folder, log_database).run, args=(stop,))
    loop.start()
    spool.record([sample()])
    spool.close()
    stop.set()
    loop.join()
    assert len(logged(log_database)) == 1
    assert segments(folder) == []


@pytest.mark.parametrize(("moved", "seconds"), [(0, 0.1), (1, 0.105), (20, 0.2), (80, 0.5), (100_000, 0.5)], ids=str)
def test_few_records_are_looked_for_soon_and_many_gather_for_half_a_second(moved: int, seconds: float) -> None:
    assert pause(moved) == pytest.approx(seconds)


class Waits(threading.Event):
    """Notes how long it would be waited for, and is set after the tenth time."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        if len(self.seconds) == 10:
            self.set()
        return self.is_set()


def test_after_failures_it_waits_longer_up_to_a_bound_and_each_time_by_chance(
    folder: Path, log_database: Database
) -> None:
    folder.touch()  # a file, which holds no segments
    shippers, waits = [Shipper(folder, log_database) for _ in range(2)], [Waits(), Waits()]
    for shipper, stop in zip(shippers, waits, strict=True):
        shipper.run(stop)
    longest = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0, 10.0]
    for stop in waits:
        assert all(most / 2 <= found <= most for found, most in zip(stop.seconds, longest, strict=True))
    assert waits[0].seconds != waits[1].seconds
    assert [shipper.failures for shipper in shippers] == [11, 11]


def test_a_segment_larger_than_a_chunk_is_shipped_whole(spool: Spool, folder: Path, log_database: Database) -> None:
    records = [replace(record, inputs={"resource.text": "x" * 6000}) for record in samples(1000)]
    for place in range(0, len(records), 100):
        spool.record(records[place : place + 100])
    assert segments(folder)[0].stat().st_size > CHUNK
    assert Shipper(folder, log_database).ship() == 1000
    assert logged(log_database) == records
