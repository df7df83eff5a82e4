"""A token bucket: lets so many through at once, and so many a minute in the long run.

Law: of one bucket never more is taken, in any stretch of time, than its burst and what flowed in during the stretch.
"""

from typing import Final

from service.lru import Lru
from service.rate import Rate

MINUTE: Final = 60.0


class Bucket:
    """Full at first. Times are seconds on any clock that does not go back."""

    __slots__ = ("_level", "_rate", "_seen")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._level = float(rate.burst)
        self._seen = now

    def change(self, rate: Rate, now: float) -> None:
        """Goes by another rate from now on; what is in stays, as far as it fits."""
        if rate != self._rate:
            self._flow(now)
            self._rate = rate
            self._level = min(self._level, rate.burst)

    def level(self, now: float) -> float:
        """How much is in."""
        self._flow(now)
        return self._level

    def take(self, amount: int, now: float) -> bool:
        """Takes that much, or nothing."""
        self._flow(now)
        if amount > self._level:
            return False
        self._level -= amount
        return True

    def give_back(self, amount: int) -> None:
        """Puts in again what was taken and not used."""
        self._level = min(self._level + amount, self._rate.burst)

    def wait(self, amount: int, now: float) -> float | None:
        """Seconds until that much is in; None where it never is."""
        if amount > self._rate.burst:
            return None
        self._flow(now)
        return max(0.0, (amount - self._level) * MINUTE / self._rate.per_minute)

    def _flow(self, now: float) -> None:
        elapsed = max(0.0, now - self._seen)
        self._level = min(self._level + elapsed * self._rate.per_minute / MINUTE, float(self._rate.burst))
        self._seen = max(now, self._seen)


class Buckets:
    """One bucket for each name, the least recently used forgotten first."""

    def __init__(self, capacity: int) -> None:
        self._kept: Lru[str, Bucket] = Lru(capacity)

    def of(self, name: str, rate: Rate, now: float) -> Bucket:
        """The bucket of that name, by that rate."""
        bucket = self._kept.get(name)
        if bucket is None:
            bucket = Bucket(rate, now)
            self._kept.put(name, bucket)
        bucket.change(rate, now)
        return bucket

    def find(self, name: str) -> Bucket | None:
        """The bucket of that name, if it is known."""
        return self._kept.get(name)
