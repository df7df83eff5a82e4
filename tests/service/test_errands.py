"""Work for the background process: a fault of one ends no other, and what nobody waits for is left."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.desk import Desk
from service.errands import Errands
from service.errors import DeadlineExceeded
from tests.service.beside import beside


class Echo:
    """Says what it is asked; has a fault where that is `fault`, and never ends where it is `never`."""

    def do(self, question: str, go_on: Callable[[], None]) -> str:
        """The question."""
        if question == "fault":
            raise KeyError(question)
        while question == "never":
            go_on()
        return question

    def failed(self, because: str) -> str:
        """Why not."""
        return f"failed: {because}"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose work is done."""
    database: Database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(database, "facts")
    desk = Desk(database, "r1", "echo")
    with beside(Errands(desk, Echo()).run):
        yield desk
    database.close()


def test_a_fault_is_told_and_the_next_work_is_done(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.outcome("fault", 10.0) == "failed: it is a fault of the service, whose log says more"
    assert desk.outcome("hello", 10.0) == "hello"
    assert "errand.fault" in capsys.readouterr().out


def test_work_that_nobody_waits_for_is_left(desk: Desk) -> None:
    with pytest.raises(DeadlineExceeded):
        desk.outcome("never", 0.6)
    assert desk.outcome("next", 10.0) == "next"
