"""The service's own log: structured events, one line each, on standard error; never the record, never a secret.

Law: what cannot be logged is lost and counted, and breaks nothing: no call fails for a full disk of the log.
"""

import json
import logging
import os
import sys
import threading
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

STANDARD_ERROR: Final = 2


class LogLines:
    """Writes lines to a descriptor, past all buffers. The first line after lost ones says how many there were."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = threading.Lock()
        self._untold = 0
        self._is_torn = False
        self.lost = 0
        """Lines that could not be written, or not to their end."""

    def msg(self, message: str) -> None:
        """Writes one line, whatever it holds, or counts it."""
        line = message.encode(errors="backslashreplace") + b"\n"
        with self._turn:
            if self._untold:
                line = json.dumps({"event": "log.lost", "lines": self._untold}).encode() + b"\n" + line
            if self._is_torn:
                line = b"\n" + line
            written = 0
            try:
                while written < len(line):
                    written += os.write(self._descriptor, line[written:])
            except OSError:
                self.lost += 1
                self._untold += 1
                self._is_torn = self._is_torn or written > 0
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


def configure_log() -> None:
    """Sends this process's events to standard error: JSON lines, or for a terminal lines that are read with ease.

    Libraries that log through the standard library join in, from warnings up.
    """
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
