"""What the background process does beside shipping goes on, whatever happens to it once."""

import threading

import pytest

from service.app.background import keep_at
from service.errors import FactsUnavailable


@pytest.mark.parametrize("fault", [KeyError("x"), FactsUnavailable("no database")], ids=["fault", "database"])
def test_work_that_a_fault_has_ended_is_begun_again(fault: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    stop, begun = threading.Event(), 0

    def work(stop: threading.Event) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise fault
        stop.set()

    keep_at("changes", work, stop, again=0.01)
    assert begun == 2
    assert "background.fault" in capsys.readouterr().out


def test_work_that_has_nothing_to_do_is_not_begun_again() -> None:
    begun = list[threading.Event]()
    keep_at("partitions", begun.append, threading.Event(), again=0.01)
    assert len(begun) == 1
