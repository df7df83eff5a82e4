"""Tells how the record fares on its way from the spool to the log: for the metrics, once a second."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time_ns
from typing import Final

from service.config import Settings
from service.decisions.lag import measure_lag
from service.decisions.segments import free_bytes, spool_size
from service.decisions.shipper import Shipper
from service.samples import Samples
from service.telemetry import lines_lost
from service.vitals import gauge_process

SAMPLE_SECONDS: Final = 1.0

Teller = Callable[[Samples], None]
"""Tells of one more thing that the background process does."""


def gauge_shipping(
    stop: threading.Event,
    *,
    shipper: Shipper,
    settings: Settings,
    others: Sequence[Teller],
    report: Callable[[Samples], None],
) -> None:
    """Reports until `stop` is set, and what the others tell."""
    samples = Samples()
    while not stop.wait(SAMPLE_SECONDS):
        with suppress(OSError):
            gauge(samples, shipper, settings)
            for tell in (gauge_process, *others):
                tell(samples)
            report(samples)


def gauge(samples: Samples, shipper: Shipper, settings: Settings) -> None:
    """How it stands now; OSError if the spool cannot be looked at."""
    folder, spool = settings.spool_folder, settings.spool
    free, size, lag = (
        free_bytes(folder),
        spool_size(folder),
        measure_lag(folder, shipper.shipped, time_ns() // 1_000_000),
    )
    samples.gauges |= {
        "magistrate_spool_bytes": size,
        "magistrate_spool_room_bytes": max(0, min(spool.max_bytes - size, free - spool.min_free_bytes)),
        "magistrate_spool_disk_free_bytes": free,
        "magistrate_spool_unreadable_segments": lag.unreadable,
        "magistrate_ship_lag_bytes": lag.bytes,
        "magistrate_ship_lag_seconds": lag.seconds,
    }
    samples.counters["magistrate_shipped", ()] = shipper.moved
    samples.counters["magistrate_ship_failures", ()] = shipper.failures
    samples.counters["magistrate_log_lines_lost", ()] = lines_lost()
