"""How many single questions the doors of this process have answered, for tests of what is counted."""

from collections import Counter

from service.doors.calls import Calls
from service.samples import Samples


def items_of(door: Calls) -> Counter[tuple[str, str]]:
    """Answers so far, by RPC or route and status; the difference of two has what came between."""
    samples = Samples()
    door.tell(samples)
    counted = Counter[tuple[str, str]]()
    for (name, labels), times in samples.counters.items():
        if name == "magistrate_items":
            said = dict(labels)
            counted[said["call"], said["status"]] = int(times)
    return counted
