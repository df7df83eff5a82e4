"""Keeps those who read the store in threads of their own from it while its breaker is open; how they fare counts."""

from collections.abc import Iterator
from contextlib import contextmanager

from policy_lang.schema import Schema
from service.breaker import Breaker
from service.entities.pool import judged
from service.ports import FactStore, Snapshot


class GuardedStore:
    """The store (`ports.FactStore`), where it is not left alone."""

    def __init__(self, store: FactStore, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    @contextmanager
    def snapshot(self, schema: Schema, *, timeout_ms: int | None = None) -> Iterator[Snapshot]:
        """A snapshot of the store; FactsUnavailable at once while the store is left alone."""
        turn = self._breaker.enter()
        with judged(self._breaker, turn), self._store.snapshot(schema, timeout_ms=timeout_ms) as snapshot:
            yield snapshot
