"""Counts the calls of this process by what they asked for and how they ended, and how long they took; for every door.

What a call asked for is an RPC of the contract or a route, never a path as it came: strangers make those up.
"""

from time import perf_counter
from typing import Final

from service.samples import Histogram, Samples, Series
from service.traces import end_trace, leave_trace

FAULTS: Final = frozenset({"INTERNAL", "500"})
"""The statuses of calls that end with a fault of the service itself."""


class Calls:
    """The calls of one kind of door. It belongs to the loop's thread."""

    def __init__(self, door: str) -> None:
        self._door = door
        self._under_way = 0
        self._faults = 0
        self._ended: dict[tuple[str, str], int] = {}
        self._items: dict[tuple[str, str], int] = {}
        self._durations: dict[str, Histogram] = {}

    def begin(self) -> float:
        """Takes note of a call that begins, in a trace of its own or in none; what `end` needs of it."""
        leave_trace()  # of the request that had its connection read on: asyncio goes on reading in that one's context
        self._under_way += 1
        return perf_counter()

    def end(self, call: str, status: str, began: float) -> None:
        """Takes note of its end, and ends its trace."""
        end_trace(self._door, call, status)
        self._under_way -= 1
        self._faults += status in FAULTS
        self._ended[call, status] = self._ended.get((call, status), 0) + 1
        durations = self._durations.get(call)
        if durations is None:
            durations = self._durations[call] = Histogram()
        durations.observe(perf_counter() - began)

    def answer(self, call: str, status: str, times: int = 1) -> None:
        """Takes note of how so many single questions were answered, of a call that may have several and end OK."""
        self._items[call, status] = self._items.get((call, status), 0) + times

    def tell(self, samples: Samples) -> None:
        """Says how many calls there were and are."""
        door = ("door", self._door)
        for name, counted in (("magistrate_calls", self._ended), ("magistrate_items", self._items)):
            for (call, status), times in counted.items():
                samples.counters[name, (("call", call), door, ("status", status))] = times
        for call, durations in self._durations.items():
            series: Series = ("magistrate_call_seconds", (("call", call), door))
            samples.histograms[series] = durations
        samples.counters["magistrate_faults", (door,)] = self._faults
        samples.states["magistrate_calls_under_way", (door,)] = self._under_way


GRPC: Final = Calls("grpc")
"""The calls of the gRPC doors of this process."""
HTTP: Final = Calls("http")
"""The calls of the HTTP door of this process."""
DOORS: Final = (GRPC, HTTP)
"""All of this process's."""
