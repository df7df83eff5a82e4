"""How often something may happen. It stands alone, so that who only counts loads no policies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen: so many times a minute in the long run, and so many at once after a pause."""

    per_minute: int
    burst: int
