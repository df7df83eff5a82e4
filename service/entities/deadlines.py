"""How much is left until a moment by which an answer has to be there."""

import time


def left_ms(ends: float | None) -> int | None:
    """Milliseconds until a monotonic reading in seconds, at least one; None where there is no end."""
    return None if ends is None else max(1, int((ends - time.monotonic()) * 1000))
