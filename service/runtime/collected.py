"""All processes' counts together. What a process had counted outlives it."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from service.runtime.child import Child
from service.samples import Labels, Samples


class Collected:
    """What is known of all processes."""

    def __init__(self, own: Callable[[], Samples], clock: Callable[[], float] = monotonic) -> None:
        """`own` gives what the supervisor itself counts, `clock` seconds since any time."""
        self._own = own
        self._clock = clock
        self._heard_at: dict[Child, float] = {}
        self._gone = Samples()
        self._living: dict[Child, Samples] = {}

    def heard(self, child: Child) -> None:
        """A process says something, and so it gets on."""
        self._heard_at[child] = self._clock()
        self._living.setdefault(child, Samples())

    def silence(self, child: Child) -> float:
        """Seconds since a process last said something; 0 where it has not yet."""
        now = self._clock()
        return now - self._heard_at.get(child, now)

    def sampled(self, child: Child, samples: Samples) -> None:
        """A process says what it has counted by now."""
        self._living[child] = samples

    def left(self, child: Child) -> None:
        """A process has ended."""
        self._gone.add(self._living.pop(child, Samples()))
        self._heard_at.pop(child, None)

    def gauge(self, child: Child, name: str) -> float | None:
        """What one process says; None where it has not said so."""
        return self._living[child].gauges.get(name) if child in self._living else None

    def gauges(self, name: str) -> list[float]:
        """What the processes that have the gauge say."""
        return [samples.gauges[name] for samples in self._living.values() if name in samples.gauges]

    def states(self, name: str) -> list[tuple[Labels, float]]:
        """What the processes that have such a state say, by its labels."""
        return [
            (labels, value)
            for samples in self._living.values()
            for (known, labels), value in samples.states.items()
            if known == name
        ]

    def text(self, accept: str) -> tuple[bytes, str]:
        """Everything, in the format of those that the header `Accept` names, and the type of its content."""
        # Here, for it loads Prometheus' client, and with that an HTTP server, which no start needs to wait for.
        from service.runtime.exposition import exposed

        own = self._own()
        living = [(child.program.name, self._with_silence(child, samples)) for child, samples in self._living.items()]
        return exposed(self._gone, [*living, ("supervisor", own)], accept)

    def _with_silence(self, child: Child, samples: Samples) -> Samples:
        """What a process says, and for how long it has not: one that hangs goes on saying that all is well."""
        return replace(samples, gauges={**samples.gauges, "magistrate_process_silent_seconds": self.silence(child)})
