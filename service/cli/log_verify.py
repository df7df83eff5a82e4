"""`magistrate log verify`: whether the log is as it was written, and what shows it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import orjson

from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.authn.private_files import read_bytes
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.opening import open_database
from service.decisions.chain_walk import ChainReport
from service.decisions.faults import Fault
from service.decisions.reductions import Reduction
from service.decisions.retention.notes import Note
from service.decisions.verification import LogReport, verify_log
from service.errors import ConfigError
from service.signing_keys import read_public_key

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command("verify")
@click.option("--checkpoints", type=_FILE, help="Checkpoints kept outside the database; one line of them will do.")
@click.option(
    "--public-key", "public_keys", type=_FILE, multiple=True, help="The Ed25519 key that signed them (PEM). Repeatable."
)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The form.")
@settings_options("data", "log_database")
def verify_command(settings: Settings, checkpoints: Path | None, public_keys: tuple[Path, ...], output: str) -> None:
    """Find records that were removed, changed, moved or put in since they were logged.

    Every replica's records are one chain of hashes. A chain that was computed anew agrees with itself: only a
    checkpoint shows it, and only one that whoever changed the log could not write: in a file that they did not reach,
    or signed by a key that they do not have.

    Exit code: 0 as it was written, 1 not so, 2 usage, 3 the log is not available.
    """
    keys = tuple(read_public_key(f"public key `{file}`", read_bytes(file, "the public key")) for file in public_keys)
    database = open_database(settings.log_database_url)
    try:
        report = verify_log(database, checkpoints, keys)
    except OSError as error:
        raise ConfigError(f"cannot read the checkpoints `{checkpoints}`: {error.strerror}") from error
    finally:
        database.close()
    limits = list(_limits(report, has_file=checkpoints is not None, has_keys=bool(keys)))
    if output == "json":
        click.echo(orjson.dumps(_fields(report, limits), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in _lines(report, limits):
            click.echo(line)
    if not report.is_sound:
        sys.exit(FINDINGS)


def _limits(report: LogReport, *, has_file: bool, has_keys: bool) -> Iterator[str]:
    """What this verification cannot show."""
    for reduction in report.reductions:
        yield visible(f"{_reduction(reduction)}: what these dropped was never in the log")
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
    if report.unsigned_notes:
        yield f"{report.unsigned_notes} notes are not signed: who can write them can take out any record under one"
    elif report.notes and not has_keys:
        yield "no --public-key is given: the signatures of the notes were not checked"
    if not has_file:
        yield "no --checkpoints are given: that the last ones were taken out of the database would not show"
    if report.unchained:
        yield f"{report.unchained} records are in no chain: of these only the number is known"


def _lines(report: LogReport, limits: list[str]) -> Iterator[str]:
    yield "sound" if report.is_sound else "NOT AS IT WAS WRITTEN"
    for chain in report.chains:
        yield from _chain_lines(chain)
    yield from (f"  {_erasure(note)}" for note in report.erasures)
    yield from (f"  {_said(fault)}" for fault in report.faults)
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
    yield f"    first: {_said(first)}"
    yield from (f"    {_said(fault)}" for fault in chain.faults if fault is not first)
    if chain.fault_count > len(chain.faults):
        yield f"    and {chain.fault_count - len(chain.faults)} more"


def _erasure(note: Note) -> str:
    erased = f"note {note.number}: {note.records} erased {format_timestamp(note.time)} by {note.by}"
    return visible(f"{erased}: {note.reason}")


def _reduction(reduction: Reduction) -> str:
    rules = ", ".join(f"`{rule}`" for rule in reduction.rules)
    first, last = format_timestamp(reduction.first), format_timestamp(reduction.last)
    since = f"since {first}" if reduction.starts == 1 else f"{reduction.starts} times from {first} to {last}"
    return f"{reduction.replica} started with the drop rules {rules} {since}"


def _said(fault: Fault) -> str:
    place = (
        None if fault.replica is None else f"{fault.replica}/{fault.sequence}",
        None if fault.id is None else f"decision {fault.id}",
    )
    where = " ".join(part for part in place if part is not None)
    return visible(f"{fault.kind.value}{' ' if where else ''}{where}: {fault.text}")


def _fields(report: LogReport, limits: list[str]) -> dict[str, Json]:
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
                "faults": [_fault_fields(fault) for fault in chain.faults],
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
        "erasures": [_erasure_fields(note) for note in report.erasures],
        "faults": [_fault_fields(fault) for fault in report.faults],
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


def _erasure_fields(note: Note) -> dict[str, Json]:
    return {
        "note": note.number,
        "time": format_timestamp(note.time),
        "by": note.by,
        "reason": note.reason,
        "records": note.records,
    }


def _fault_fields(fault: Fault) -> dict[str, Json]:
    return {
        "kind": fault.kind.value,
        "replica": fault.replica,
        "sequence": fault.sequence,
        "decision_id": fault.id,
        "text": fault.text,
    }
