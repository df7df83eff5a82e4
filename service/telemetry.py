"""The service's own log: structured events, one line each, on standard error; never the record, never a secret.

Law: what cannot be logged is lost and counted, and breaks nothing: no call fails for a full disk of the log, and none
waits for a pipe that nobody reads.
"""

import atexit
import json
import logging
import os
import sys
import threading
from functools import cached_property
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

STANDARD_ERROR: Final = 2
ROOM: Final = 256
"""Lines that may wait to be written: more than two bursts of calls that fail."""
LAST_SECONDS: Final = 0.5
"""How long a process that ends waits until its last lines are written."""


class LogLines:
    """Has lines written to a descriptor, past all buffers, by a thread that may wait for who reads: nothing else does.

    Not without waiting: who shares a pipe shares its O_NONBLOCK, and may fill it after it was seen to have room.
    The first line after lost ones says how many there were.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = SimpleQueue[tuple[bytes, int] | threading.Event]()
        # Again by the thread that has it: the collector may run anywhere, and what it ends may log.
        self._turn = threading.RLock()
        self._is_begun = False
        self._left_out = 0
        self._untold = 0
        self._is_torn = False
        self.lost = 0
        """Lines that could not be written, or not to their end."""

    def begin(self) -> None:
        """Begins to write; the end of the process waits for the last lines, but not for ever."""
        with self._turn:
            if self._is_begun:
                return
            self._is_begun = True
        threading.Thread(target=self._write_all, name="log", daemon=True).start()
        atexit.register(self.flush, LAST_SECONDS)

    def msg(self, message: str) -> None:
        """Has one line written, whatever it holds, or counts it."""
        line = message.encode(errors="backslashreplace") + b"\n"
        with self._turn:
            if self._waiting.qsize() < ROOM:
                self._waiting.put((line, self._left_out))
                self._left_out = 0
            else:
                self._left_out += 1
                self.lost += 1

    def flush(self, within: float) -> bool:
        """Waits so many seconds at most until the lines so far are written or lost; whether they are."""
        done = threading.Event()
        self._waiting.put(done)
        return done.wait(within)

    def _write_all(self) -> None:
        while True:
            match self._waiting.get():
                case (line, left_out):
                    self._untold += left_out
                    self._write(line)
                case done:
                    done.set()

    def _write(self, line: bytes) -> None:
        if self._untold:
            line = json.dumps({"event": "log.lost", "lines": self._untold}).encode() + b"\n" + line
        if self._is_torn:
            line = b"\n" + line
        written = 0
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            self._untold += 1
            self._is_torn = self._is_torn or written > 0
            with self._turn:
                self.lost += 1
        else:
            self._untold, self._is_torn = 0, False

    debug = info = warning = error = critical = fatal = exception = msg


class _Room:
    """Loads structlog, and rich with it, for its first line: most commands write none."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _log(self) -> "FilteringBoundLogger":
        import structlog

        log: FilteringBoundLogger = structlog.get_logger(room=self._name)
        return log

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)


class _Handler(logging.Handler):
    """Has what libraries log join in."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.msg(self.format(record))


_lines: Final = LogLines(STANDARD_ERROR)


def lines_lost() -> int:
    """Lines of this process's log that could not be written."""
    return _lines.lost


def flush_log() -> None:
    """Waits a moment for this process's last lines, where it ends without what Python does at the end."""
    _lines.flush(LAST_SECONDS)


def configure_log() -> None:
    """Sends this process's events to standard error: JSON lines, or for a terminal lines that are read with ease.

    Libraries that log through the standard library join in, from warnings up.
    """
    _lines.begin()
    _load_structlog()
    import structlog

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _last_steps()
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _lines,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(_lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _load_structlog() -> None:
    """Loads structlog without rich, four fifths of the time that it takes each process to start.

    It would load it for tracebacks that are drawn in boxes, and does without where there is none.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = cast(ModuleType, None)  # so that importing it fails, as the import system has it
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


def get_log(room: str) -> "FilteringBoundLogger":
    """The log of one room of the house, whose name stands in each of its events."""
    return cast("FilteringBoundLogger", _Room(room))


def _last_steps() -> "list[Processor]":
    import structlog

    # Tracebacks without locals, which hold tokens.
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    bare = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(bare), structlog.processors.JSONRenderer()]
