"""A bounded map that forgets first what was used longest ago."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """At most `capacity` in weight; what is heavier than that alone is not kept."""

    __slots__ = ("_capacity", "_kept", "_weight")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """The value, which is now the one used last; None where there is none."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 1) -> None:
        """Keeps the value in place of any other of that key, and forgets others until there is room."""
        self.drop(key)
        self._kept[key] = value, weight
        self._weight += weight
        while self._weight > self._capacity:
            _, (_, gone) = self._kept.popitem(last=False)
            self._weight -= gone

    def drop(self, key: K) -> None:
        """Forgets the value of a key, if there is one."""
        found = self._kept.pop(key, None)
        if found is not None:
            self._weight -= found[1]

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._weight = 0

    def __len__(self) -> int:
        return self._weight
