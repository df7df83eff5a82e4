"""A step of the wall clock is logged and has what was remembered forgotten; time that passes is no step."""

import asyncio

import pytest
from structlog.testing import capture_logs

from service.authn.clock_watch import STEP_MS, watch_clock

NOW = 1_800_000_000_000
ROUNDS = 5


class Clocks:
    """A wall clock and a monotonic one, both set by hand; they count how often the watch has looked."""

    def __init__(self) -> None:
        self.wall, self.monotonic, self.looks = NOW, 100.0, 0
        self.forgotten = 0

    def read_wall(self) -> int:
        """Milliseconds since 1970 UTC."""
        self.looks += 1
        return self.wall

    def pass_time(self, milliseconds: int) -> None:
        """Both go on."""
        self.wall += milliseconds
        self.monotonic += milliseconds / 1000

    def forget(self) -> None:
        """Counts."""
        self.forgotten += 1

    async def looked_at(self) -> None:
        """Returns when the watch has looked as often again as to have seen what was set."""
        until = self.looks + ROUNDS
        while self.looks < until:
            await asyncio.sleep(0)


@pytest.mark.parametrize("step", [STEP_MS, -STEP_MS, 3_600_000, -3_600_000])
def test_each_step_of_the_clock_is_logged_and_has_what_is_remembered_forgotten_once(step: int) -> None:
    async def run() -> None:
        clocks = Clocks()
        watch = watch_clock(clocks.read_wall, clocks.forget, monotonic=lambda: clocks.monotonic, every=0)
        watching = asyncio.create_task(watch)
        await clocks.looked_at()
        for times in (1, 2):
            clocks.wall += step
            await clocks.looked_at()
            assert clocks.forgotten == times
        watching.cancel()

    with capture_logs() as lines:
        asyncio.run(run())
    assert [(line["event"], line["milliseconds"]) for line in lines] == [("clock.stepped", step)] * 2


def test_time_that_passes_is_no_step_however_long_it_is() -> None:
    async def run() -> None:
        clocks = Clocks()
        watch = watch_clock(clocks.read_wall, clocks.forget, monotonic=lambda: clocks.monotonic, every=0)
        watching = asyncio.create_task(watch)
        await clocks.looked_at()
        for milliseconds in (1000, 3_600_000, 86_400_000):
            clocks.pass_time(milliseconds)
            await clocks.looked_at()
        clocks.wall += STEP_MS - 1
        await clocks.looked_at()
        watching.cancel()
        assert clocks.forgotten == 0

    asyncio.run(run())
