"""Reads moments and lengths of time from the command line, and writes those of an answer."""

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from policy_lang.notation import BadValue, format_timestamp, parse_duration, parse_timestamp


def read_moment(text: str | None, option: str) -> Timestamp | None:
    """The moment that a text such as 2027-01-01T00:00:00Z writes; UsageError for another text."""
    if text is None:
        return None
    try:
        milliseconds = parse_timestamp(text)
    except BadValue as error:
        raise click.UsageError(f"{option}: {error}") from error
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def read_length(text: str | None, option: str) -> Duration | None:
    """The length of time that a text such as 90m writes; UsageError for another text."""
    if text is None:
        return None
    try:
        milliseconds = parse_duration(text)
    except BadValue as error:
        raise click.UsageError(f"{option}: {error}") from error
    return Duration(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def write_moment(message: Timestamp) -> str | None:
    """The moment as text; None where it was not set."""
    return format_timestamp(message.ToMilliseconds()) if message.seconds or message.nanos else None
