"""Writes what became of recorded decisions that were decided again, for people and as JSON."""

from collections.abc import Iterator

from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replayed import Flips, Replayed
from policy_lang.types import Json


def replayed_lines(replayed: Replayed) -> Iterator[str]:
    """What became of them as a person reads it: the flips by the rules that make them, each with examples."""
    yield f"recorded: {replayed.total:,} in the log, {replayed.flipped:,} decided differently"
    for each in sorted(replayed.flips.values(), key=lambda each: -each.count):
        yield f"  {each.what.value}, by {', '.join(each.rules) or 'what is declared'}: {each.count:,}"
        yield from (visible(f"    {_record(recorded)}") for recorded in each.examples)
    for reason, count in sorted(replayed.left_out.items(), key=lambda entry: (-entry[1], entry[0])):
        yield visible(f"  not replayable ({reason}): {count:,}")


def replayed_json(replayed: Replayed) -> dict[str, Json]:
    """What became of them for programs."""
    return {
        "total": replayed.total,
        "alike": replayed.alike,
        "flips": [_flips_json(each) for each in replayed.flips.values()],
        "not_replayable": dict(replayed.left_out),
    }


def _record(recorded: Recorded) -> str:
    question = f"{recorded.principal} {recorded.action} {recorded.resource}"
    return f"{format_timestamp(recorded.now)}  {question}  {recorded.effect} {recorded.code}  {recorded.id}"


def _flips_json(flips: Flips) -> dict[str, Json]:
    return {
        "what": flips.what.value,
        "rules": list(flips.rules),
        "count": flips.count,
        "examples": [recorded.id for recorded in flips.examples],
    }
