"""How far the log is behind is known, by bytes and by the age of the oldest record, also while the database is away."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from service.app.shipping import gauge
from service.config import Settings, SpoolSettings
from service.db.engine import Database
from service.db.log_tables import decision_rule
from service.decisions.frames import HEADER, MAGIC, make_frame
from service.decisions.lag import Lag, measure_lag
from service.decisions.payload import encode_batch
from service.decisions.segments import spool_size
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.decisions.stored import VERSION
from service.samples import Samples
from tests.service.decisions.records import sample

NOW = 1_800_000_000_000
BEGUN = 1_700_000_000_000
SEGMENT = "018bcfe5-6800-7000-8000-000000000000.seg"
"""Begun at BEGUN, by its name."""
FRAME = make_frame(encode_batch([replace(sample(), time=NOW - 5000)]))
LATER = make_frame(orjson.dumps([[VERSION + 1, "what a later version says"]]))


def keep(spool: Spool, *ages: int) -> None:
    """Records of so many seconds ago, a frame each."""
    for age in ages:
        spool.record([replace(sample(), time=NOW - age * 1000)])


def test_nothing_waits_in_a_spool_that_is_not_there(folder: Path) -> None:
    assert measure_lag(folder, {}, NOW) == Lag(0, 0.0)


def test_the_lag_is_what_is_not_shipped_and_the_oldest_of_it(folder: Path, log_database: Database) -> None:
    spools, shipper = [Spool(folder, SpoolSettings()) for _ in range(2)], Shipper(folder, log_database)
    keep(spools[0], 9)
    shipper.ship()
    assert measure_lag(folder, shipper.shipped, NOW) == Lag(0, 0.0)
    before = spool_size(folder)
    keep(spools[0], 7, 3)
    keep(spools[1], 8)
    grown = spool_size(folder) - before - len(HEADER)
    assert measure_lag(folder, shipper.shipped, NOW) == Lag(grown, 8.0)
    shipper.ship()
    assert measure_lag(folder, shipper.shipped, NOW) == Lag(0, 0.0)
    for spool in spools:
        spool.close()


def test_the_lag_is_known_while_nothing_can_be_shipped(spool: Spool, folder: Path, log_database: Database) -> None:
    shipper, stop = Shipper(folder, log_database), threading.Event()
    keep(spool, 60)
    shipper.ship()
    shipped = spool_size(folder)
    with log_database.write() as connection:
        decision_rule.drop(connection)
    keep(spool, 5, 4)
    stop.set()
    shipper.run(stop)
    lag = measure_lag(folder, shipper.shipped, NOW)
    assert (shipper.failures, lag) == (1, Lag(spool_size(folder) - shipped, 5.0))


def test_a_torn_tail_has_no_age(folder: Path) -> None:
    folder.mkdir()
    frame = make_frame(encode_batch([sample()]))
    (folder / "a.seg").write_bytes(HEADER + frame[:-1])
    assert measure_lag(folder, {}, NOW) == Lag(len(frame) - 1, 0.0)


@pytest.mark.parametrize(
    "content",
    [HEADER + b"\0" * 40 + FRAME, HEADER + LATER + FRAME, MAGIC + b"\x02" + FRAME, b"\0" * 8 + FRAME],
    ids=["damaged frame", "later records", "later segment", "damaged header"],
)
def test_what_cannot_be_read_waits_since_its_segment_was_begun(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / SEGMENT).write_bytes(content)
    assert measure_lag(folder, {}, BEGUN + 90_000) == Lag(len(content) - len(HEADER), 90.0, unreadable=1)


def test_what_cannot_be_read_in_a_file_of_another_name_waits_since_it_was_written(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.seg").write_bytes(HEADER + LATER)
    os.utime(folder / "a.seg", (BEGUN / 1000, BEGUN / 1000))
    assert measure_lag(folder, {}, BEGUN + 90_000) == Lag(len(LATER), 90.0, unreadable=1)


def test_what_its_disk_does_not_let_be_read_waits_too(folder: Path) -> None:
    (folder / SEGMENT).mkdir(parents=True)
    (folder / "b.seg").write_bytes(HEADER + FRAME)
    size = (folder / SEGMENT).stat().st_size - len(HEADER)
    assert measure_lag(folder, {}, BEGUN + 90_000) == Lag(size + len(FRAME), 90.0, unreadable=1)


def test_of_a_segment_that_waits_for_a_later_version_only_the_rest_is_behind(
    folder: Path, log_database: Database
) -> None:
    folder.mkdir()
    (folder / SEGMENT).write_bytes(HEADER + FRAME + LATER)
    shipper = Shipper(folder, log_database)
    assert [shipper.ship(), shipper.ship()] == [1, 0]
    assert measure_lag(folder, shipper.shipped, BEGUN + 90_000) == Lag(len(LATER), 90.0, unreadable=1)


def test_a_segment_that_was_set_aside_is_told_until_somebody_takes_it_away(
    tmp_path: Path, log_database: Database
) -> None:
    settings, samples = Settings(data=tmp_path), Samples()
    folder = settings.spool_folder
    folder.mkdir(parents=True)
    (folder / SEGMENT).write_bytes(HEADER + FRAME + b"\0" * 40)
    shipper = Shipper(folder, log_database)
    shipper.ship()
    gauge(samples, shipper, settings)
    assert samples.gauges["magistrate_spool_unreadable_segments"] == 1
    (folder / SEGMENT).with_suffix(".damaged").unlink()
    gauge(samples, shipper, settings)
    assert samples.gauges["magistrate_spool_unreadable_segments"] == 0


def test_the_metrics_say_what_waits_and_what_room_is_left(tmp_path: Path, log_database: Database) -> None:
    settings = Settings(data=tmp_path, spool=SpoolSettings(max_bytes=1 << 20, min_free_bytes=0))
    spool = Spool(settings.spool_folder, settings.spool)
    shipper = Shipper(settings.spool_folder, log_database)
    spool.record([sample()])
    shipper.ship()
    spool.record([sample()])
    size = spool_size(settings.spool_folder)
    samples = Samples()
    gauge(samples, shipper, settings)
    assert samples.gauges["magistrate_spool_bytes"] == size
    assert samples.gauges["magistrate_spool_room_bytes"] == (1 << 20) - size
    assert samples.gauges["magistrate_ship_lag_bytes"] == (size - len(HEADER)) / 2
    assert samples.counters["magistrate_shipped", ()] == 1
    spool.close()
