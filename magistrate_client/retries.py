"""Decides whether and when a question is asked again. No clock runs and nothing sleeps here but what it is given.

Laws (runtime.md): UNAVAILABLE and CANCELLED are tried again, as is RESOURCE_EXHAUSTED when it says when; nothing else
is, and nothing past the deadline. To ask again is safe: a check changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import random
from time import monotonic
from typing import Final

import grpc

from magistrate_client.errors import MagistrateError

TIMEOUT: Final = 2.0
"""The deadline of a question in seconds, unless its asker says otherwise."""

_PASSING: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
_LONGEST_TIMEOUT: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how long between: the wait doubles from `first_wait` to `longest_wait`, each less up to half at
    random so that many clients do not come back at once. In seconds; `tries=1` never asks again."""

    tries: int = 10
    first_wait: float = 0.02
    longest_wait: float = 0.5

    def __post_init__(self) -> None:
        if self.tries < 1 or not 0 <= self.first_wait <= self.longest_wait:
            raise ValueError("expected at least one try, and 0 <= first_wait <= longest_wait")

    def wait_after(self, error: MagistrateError, tried: int, chance: float) -> float | None:
        """Seconds until the next try, after `tried` of them; None where there is to be none. `chance` is in 0–1."""
        is_passing = error.status in _PASSING
        is_postponed = error.status is grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_after is not None
        if tried >= self.tries or not (is_passing or is_postponed):
            return None
        # The exponent is bounded so that a policy of a thousand tries does not overflow.
        back_off = min(self.longest_wait, self.first_wait * (1 << min(tried - 1, 30)))
        return (error.retry_after or 0.0) + back_off * (1 - chance / 2)


class Tries:
    """The tries of one question: what is left of its deadline, and whether an error is the last word."""

    __slots__ = ("_chance", "_clock", "_deadline", "_policy", "_tried")

    def __init__(
        self,
        policy: RetryPolicy,
        timeout: float,
        *,
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = random,
    ) -> None:
        if not 0 < timeout < _LONGEST_TIMEOUT:
            raise ValueError("expected a timeout of more than 0 and less than a day, in seconds")
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._deadline = clock() + timeout
        self._tried = 0

    def left(self) -> float:
        """Seconds until the deadline, never less than 0."""
        return max(0.0, self._deadline - self._clock())

    def put_off(self, seconds: float) -> None:
        """Moves the deadline by so much."""
        self._deadline += seconds

    def wait_after(self, error: MagistrateError) -> float:
        """Seconds until the next try; raises the error itself where it is the last word."""
        self._tried += 1
        wait = self._policy.wait_after(error, self._tried, self._chance())
        if wait is None or wait >= self.left():
            raise error
        return wait
