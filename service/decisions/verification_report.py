"""Tells what the verification of the log found, and what it cannot show."""

from collections.abc import Iterator, Sequence

from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.decisions.chain_walk import ChainReport
from service.decisions.faults import Fault
from service.decisions.reductions import Reduction
from service.decisions.retention.notes import Note
from service.decisions.verification import LogReport


def log_limits(report: LogReport, *, has_file: bool, has_keys: bool) -> Iterator[str]:
    """What this verification cannot show."""
    for reduction in report.reductions:
        yield visible(f"{_reduction(reduction)}: what these dropped was never in the log")
    for hold in report.lost_holds:
        placed = f"the hold `{hold.name}`, placed {hold.placed_at} by {hold.placed_by}, is gone or changed"
        yield visible(f"{placed}, and no record says that it was lifted: what it held may have expired since")
    if report.unsigned_notes:
        yield f"{report.unsigned_notes} notes are not signed: who can write them can take out any record under one"
    elif report.notes and not has_keys:
        yield "no --public-key is given: the signatures of the notes were not checked"
    if report.last_checkpoint is None:
        yield "there is no checkpoint: a chain that was computed anew, cut at its end or dropped would not show"
        return
    for chain in report.chains:
        if chain.proven < chain.links and not chain.fault_count:
            place = f"{visible(chain.replica)} from {chain.proven + 1} on"
            yield f"no checkpoint has seen {place}: that part is held by its own chain alone"
    if report.unsigned:
        yield f"{report.unsigned} checkpoints are not signed: who can write them can make them fit anything"
    elif not has_keys:
        yield "no --public-key is given: the signatures of the checkpoints were not checked"
    if not report.has_kept:
        given = "the file of checkpoints has none" if has_file else "no --checkpoints are given"
        yield f"{given}: that the last ones were taken out of the database would not show"
    if report.unchained:
        yield f"{report.unchained} records are in no chain: of these only the number is known"


def log_lines(report: LogReport, limits: Sequence[str]) -> Iterator[str]:
    """The report for a person."""
    yield "sound" if report.is_sound else "NOT AS IT WAS WRITTEN"
    for chain in report.chains:
        yield from _chain_lines(chain)
    yield from (f"  {erasure_line(note)}" for note in report.erasures)
    yield from (f"  {fault_line(fault)}" for fault in report.faults)
    if report.fault_count > len(report.faults):
        yield f"  and {report.fault_count - len(report.faults)} more"
    yield from (f"note: {limit}" for limit in limits)


def _chain_lines(chain: ChainReport) -> Iterator[str]:
    held = f"holds to {chain.sound}" if chain.fault_count else "holds"
    seen = "no checkpoint" if chain.proven_by is None else f"checkpoint {chain.proven_by} proves 1 to {chain.proven}"
    taken = "".join(
        f", {count} {kind}" for count, kind in ((chain.expired, "expired"), (chain.erased, "erased")) if count
    )
    yield f"  {visible(chain.replica)}: {chain.links} records{taken}, the chain {held}, {seen}"
    if not chain.faults:
        return
    first = min(chain.faults, key=lambda fault: fault.sequence or 0)
    yield f"    first: {fault_line(first)}"
    yield from (f"    {fault_line(fault)}" for fault in chain.faults if fault is not first)
    if chain.fault_count > len(chain.faults):
        yield f"    and {chain.fault_count - len(chain.faults)} more"


def erasure_line(note: Note) -> str:
    """A note by which somebody had records erased."""
    erased = f"note {note.number}: {note.records} erased {format_timestamp(note.time)} by {note.by}"
    return visible(f"{erased}: {note.reason}")


def _reduction(reduction: Reduction) -> str:
    rules = ", ".join(f"`{rule}`" for rule in reduction.rules)
    first, last = format_timestamp(reduction.first), format_timestamp(reduction.last)
    since = f"since {first}" if reduction.starts == 1 else f"{reduction.starts} times from {first} to {last}"
    return f"{reduction.replica} started with the drop rules {rules} {since}"


def fault_line(fault: Fault) -> str:
    """A finding."""
    place = (
        None if fault.replica is None else f"{fault.replica}/{fault.sequence}",
        None if fault.id is None else f"decision {fault.id}",
    )
    where = " ".join(part for part in place if part is not None)
    return visible(f"{fault.kind.value}{' ' if where else ''}{where}: {fault.text}")


def log_fields(report: LogReport, limits: Sequence[str]) -> dict[str, Json]:
    """The report for programs."""
    return {
        "is_sound": report.is_sound,
        "chains": [
            {
                "replica": chain.replica,
                "records": chain.links,
                "holds_to": chain.sound,
                "proven_to": chain.proven,
                "proven_by": chain.proven_by,
                "expired": chain.expired,
                "erased": chain.erased,
                "faults": [fault_fields(fault) for fault in chain.faults],
                "fault_count": chain.fault_count,
            }
            for chain in report.chains
        ],
        "last_checkpoint": report.last_checkpoint,
        "unsigned_checkpoints": report.unsigned,
        "unchained_records": report.unchained,
        "notes": report.notes,
        "unsigned_notes": report.unsigned_notes,
        "reductions": [_reduction_fields(reduction) for reduction in report.reductions],
        "erasures": [erasure_fields(note) for note in report.erasures],
        "faults": [fault_fields(fault) for fault in report.faults],
        "fault_count": report.fault_count,
        "not_shown": list(limits),
    }


def _reduction_fields(reduction: Reduction) -> dict[str, Json]:
    return {
        "replica": reduction.replica,
        "rules": list(reduction.rules),
        "starts": reduction.starts,
        "first": format_timestamp(reduction.first),
        "last": format_timestamp(reduction.last),
    }


def erasure_fields(note: Note) -> dict[str, Json]:
    """A note by which somebody had records erased, for programs."""
    return {
        "note": note.number,
        "time": format_timestamp(note.time),
        "by": note.by,
        "reason": note.reason,
        "records": note.records,
    }


def fault_fields(fault: Fault) -> dict[str, Json]:
    """A finding, for programs."""
    return {
        "kind": fault.kind.value,
        "replica": fault.replica,
        "sequence": fault.sequence,
        "decision_id": fault.id,
        "text": fault.text,
    }
