"""Tells what the verification of an export found, and what it cannot show."""

from collections.abc import Iterator

import orjson

from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.decisions.exporting.chain_check import CheckedChain
from service.decisions.exporting.checking import ExportReport
from service.decisions.exporting.manifest import Manifest
from service.decisions.verification_report import erasure_fields, erasure_line, fault_fields, fault_line


def export_lines(report: ExportReport) -> Iterator[str]:
    """The report for a person."""
    yield "sound" if report.is_sound else "NOT AS IT WAS WRITTEN"
    if report.manifest is not None:
        yield f"  {_manifest(report.manifest, is_signed=report.is_signed)}"
    for chain in report.chains:
        yield from _chain_lines(chain)
    yield from (f"  {erasure_line(note)}" for note in report.erasures)
    yield from (f"  {fault_line(fault)}" for fault in report.faults)
    if report.fault_count > len(report.faults):
        yield f"  and {report.fault_count - len(report.faults)} more"
    yield from (f"note: {limit}" for limit in export_limits(report))


def export_fields(report: ExportReport) -> dict[str, Json]:
    """The report for programs."""
    manifest = report.manifest
    return {
        "is_sound": report.is_sound,
        "is_signed": report.is_signed,
        "by": None if manifest is None else manifest.by,
        "time": None if manifest is None else format_timestamp(manifest.time),
        "asked": None if manifest is None else manifest.asked,
        "chains": [
            {
                "replica": chain.replica,
                "first": chain.first,
                "last": chain.last,
                "records": chain.records,
                "proven": chain.proven,
                "proven_by": chain.proven_by,
                "not_asked_for": chain.bare,
                "expired": chain.expired,
                "erased": chain.erased,
                "faults": [fault_fields(fault) for fault in chain.faults],
                "fault_count": chain.fault_count,
            }
            for chain in report.chains
        ],
        "checkpoints": report.checkpoints,
        "unchained_records": report.unchained,
        "erasures": [erasure_fields(note) for note in report.erasures],
        "faults": [fault_fields(fault) for fault in report.faults],
        "fault_count": report.fault_count,
        "not_shown": list(export_limits(report)),
    }


def export_limits(report: ExportReport) -> Iterator[str]:
    """What this verification cannot show."""
    manifest = report.manifest
    for chain in report.chains:
        unproven = chain.records - chain.proven
        if unproven and not chain.fault_count:
            held = "the manifest and its own chain hold" if report.is_signed else "its own chain alone holds"
            yield f"no checkpoint has seen {unproven} records of {visible(chain.replica)}: {held} them"
    if manifest is not None and manifest.asked:
        asked = visible(orjson.dumps(manifest.asked).decode())
        yield f"it was filtered by {asked}: that no other record fits is not proven, nor how many of those are gone"
    if not report.is_signed and not report.fault_count:
        yield "no --public-key is given: no signature was checked"
    unsigned = report.unsigned_checkpoints + report.unsigned_notes
    if unsigned:
        yield f"{unsigned} checkpoints and notes are not signed: who can write them can make them fit anything"
    if report.unchained:
        yield f"{report.unchained} records are in no chain: nothing but the manifest holds them"
    if manifest is not None:
        yield f"what was recorded after {format_timestamp(manifest.time)}, or not shipped by then, is not in it"


def _manifest(manifest: Manifest, *, is_signed: bool) -> str:
    signed = "signed by the given key" if is_signed else "its signature was not checked"
    made = f"{manifest.contents.records} records, exported {format_timestamp(manifest.time)} by {manifest.by}"
    return visible(f"{made}; {signed}")


def _chain_lines(chain: CheckedChain) -> Iterator[str]:
    counts = (("not asked for", chain.bare), ("expired", chain.expired), ("erased", chain.erased))
    beside = "".join(f", {count} {what}" for what, count in counts if count)
    seen = "no checkpoint"
    if chain.proven_by is not None:
        seen = f"checkpoints up to {chain.proven_by} prove {chain.proven}"
    yield f"  {visible(chain.replica)}: {chain.records} records at {chain.first} to {chain.last}{beside}, {seen}"
    yield from (f"    {fault_line(fault)}" for fault in chain.faults)
    if chain.fault_count > len(chain.faults):
        yield f"    and {chain.fault_count - len(chain.faults)} more"
