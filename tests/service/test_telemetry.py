"""The service's own log."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from service.telemetry import LogLines, configure_log, flush_log, get_log
from tests.service.decisions.disks import small_disk

LOGGING = """
import logging
from service.telemetry import configure_log, flush_log, get_log, lines_lost
configure_log()
get_log("test").error("fault", detail="x" * 20_000)
logging.getLogger("library").warning("and what libraries say")
flush_log()
print(lines_lost())
"""
STUCK = """
from service.telemetry import configure_log, get_log, lines_lost
configure_log()
for number in range(1_000):
    get_log("test").info("said", detail="x" * 1_000)
print(lines_lost() > 0)
"""
LAST = """
from service.telemetry import configure_log, get_log
configure_log()
for _ in range(200):
    get_log("test").info("last")
"""
PATIENCE = 30.0


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
        lines.begin()
        with disk.limited():
            lines.msg("kept")
            lines.msg("t" * (1 << 17))
            lines.msg("gone")
            assert lines.flush(PATIENCE)
        os.truncate(file, len("kept\nttt"))
        lines.msg("after")
        assert lines.flush(PATIENCE)
        told = file.read_text().splitlines()
    assert told == ["kept", "ttt", '{"event": "log.lost", "lines": 2}', "after"]
    assert lines.lost == 2


def test_a_pipe_that_nobody_reads_holds_up_no_one_and_what_finds_no_room_is_counted() -> None:
    reading, writing = os.pipe()
    lines = LogLines(writing)
    lines.begin()

    def say() -> None:
        for number in range(1_000):
            lines.msg(f"{number:01023}")

    saying = threading.Thread(target=say, daemon=True)
    saying.start()
    saying.join(PATIENCE)
    assert not saying.is_alive()
    assert not lines.flush(0)

    kept, told = 1_000 - lines.lost, 0
    numbers: list[int] = []
    with os.fdopen(reading, encoding="ascii") as read:
        # Who writes to the pipe may begin late: then there is room again for some that come after lost ones.
        for line in read:
            if line.startswith("{"):
                told += json.loads(line)["lines"]
            elif line != "after\n":
                numbers.append(int(line))
            else:
                break
            if len(numbers) == kept:
                lines.msg("after")
    assert numbers[:256] == list(range(256))
    assert numbers == sorted(set(numbers))
    assert told == lines.lost == 1_000 - len(numbers)
    assert len(numbers) < 400
    os.close(writing)


def test_a_process_whose_log_nobody_reads_comes_to_its_end() -> None:
    reading, writing = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=writing, timeout=PATIENCE, check=False
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert (ended.returncode, ended.stdout) == (0, b"True\n")


def test_the_end_of_a_process_waits_for_its_last_lines() -> None:
    told = subprocess.run([sys.executable, "-c", LAST], capture_output=True, check=True, text=True).stderr
    assert told.count('"event": "last"') == 200


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
    flush_log()

    printed = capfd.readouterr().err

    assert "ZeroDivisionError" in printed
    assert "carried-by-a-variable" not in printed


def _fail_holding(token: str) -> float:
    return len(token) / 0
