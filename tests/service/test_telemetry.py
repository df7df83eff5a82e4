"""The service's own log."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.telemetry import LogLines, configure_log, get_log
from tests.service.decisions.disks import small_disk

LOGGING = """
import logging
from service.telemetry import configure_log, get_log, lines_lost
configure_log()
get_log("test").error("fault", detail="x" * 20_000)
logging.getLogger("library").warning("and what libraries say")
print(lines_lost())
"""


def test_a_log_that_cannot_be_written_breaks_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", LOGGING], stdout=subprocess.PIPE, stderr=full, check=False, text=True
        )
    assert (ended.returncode, ended.stdout) == (0, "2\n")


def test_the_first_line_after_lost_ones_says_how_many(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        file = disk.folder / "log"
        lines = LogLines(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
        with disk.limited():
            lines.msg("kept")
            lines.msg("t" * (1 << 17))
            lines.msg("gone")
        os.truncate(file, len("kept\nttt"))
        lines.msg("after")
        told = file.read_text().splitlines()
    assert told == ["kept", "ttt", '{"event": "log.lost", "lines": 2}', "after"]
    assert lines.lost == 2


@pytest.fixture
def configured() -> Iterator[None]:
    """The log of a service's process; of this one, as it was, for the tests that come after."""
    handlers, level = logging.root.handlers[:], logging.root.level
    logging.root.handlers.clear()
    try:
        configure_log()
        yield
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


@pytest.mark.usefixtures("configured")
def test_a_traceback_never_shows_the_values_of_variables(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        _fail_holding("carried-by-a-variable")
    except ZeroDivisionError:
        get_log("test").exception("fault")

    printed = capfd.readouterr().err

    assert "ZeroDivisionError" in printed
    assert "carried-by-a-variable" not in printed


def _fail_holding(token: str) -> float:
    return len(token) / 0
