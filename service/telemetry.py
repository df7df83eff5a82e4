"""The service's own log: structured events, one line each, on standard error; never the record, never a secret."""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor


def configure_log() -> None:
    """Sends this process's events to standard error: JSON lines, or for a terminal lines that are read with ease.

    Libraries that log through the standard library join in, from warnings up.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _last_steps()
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def get_log(room: str) -> FilteringBoundLogger:
    """The log of one room of the house, whose name stands in each of its events."""
    log: FilteringBoundLogger = structlog.get_logger(room=room)
    return log


def _last_steps() -> list[Processor]:
    # Tracebacks without locals, which hold tokens.
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    bare = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(bare), structlog.processors.JSONRenderer()]
