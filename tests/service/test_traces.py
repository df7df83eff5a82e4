"""What a call goes through is told to its trace, also by the threads that read for it, and to no other call's."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from sqlalchemy import literal_column, select

from service.db.engine import Prepared
from service.db.opening import open_database
from service.entities.pool import ReadPool
from service.pool_settings import PoolSettings
from service.stages import fetch_ended
from service.traces import TRACE, Note, end_trace


class Noted:
    """A trace that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def stage(self, name: str, began: float, ended: float) -> None:
        assert began <= ended
        self.told.append(("stage", name))

    def query(self, system: str, statement: str, began: float, ended: float) -> None:
        assert began <= ended
        self.told.append(("query", system, statement))

    def note(self, notes: Mapping[str, Note]) -> None:
        self.told.append(("note", *notes))

    def end(self, door: str, call: str, status: str) -> None:
        self.told.append(("end", door, call, status))


def test_a_read_in_another_thread_is_told_to_the_trace_of_its_call_alone(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    database.create()
    one: Prepared[tuple[int]] = database.prepare(select(literal_column("1")))

    def read() -> list[tuple[int]]:
        with database.reading() as reading:
            return reading.fetch(one, {})

    async def scenario() -> Noted:
        pool, noted = ReadPool("facts", PoolSettings()), Noted()

        async def traced() -> None:
            TRACE.set(noted)
            began = perf_counter()
            assert await pool.run(read) == [(1,)]
            fetch_ended(began)
            end_trace("grpc", "AuthorizationService.Check", "OK")
            assert await pool.run(read) == [(1,)]

        await asyncio.gather(asyncio.create_task(traced()), asyncio.create_task(pool.run(read)))
        pool.close()
        return noted

    noted = asyncio.run(scenario())
    database.close()
    assert noted.told == [
        ("query", "sqlite", "SELECT 1"),
        ("stage", "fetch"),
        ("end", "grpc", "AuthorizationService.Check", "OK"),
    ]
