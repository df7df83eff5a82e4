"""Says what an import did, or would do, for a person and for a program."""

from policy_lang.counts import counted
from policy_lang.types import Json
from service.entities.import_checks import Tally
from service.entities.importer import Imported


def import_said(done: Imported, *, is_trial: bool) -> str:
    """`imported 2 entities, 1 assignment, 0 relations; revision …`, and how many of them were there before."""
    counts = (
        counted(done.entities.facts, "entity", "entities"),
        counted(done.assignments.facts, "assignment"),
        counted(done.relations.facts, "relation"),
    )
    every = _every(done)
    known = f" ({every.added:,} new, {every.changed:,} changed, {every.unchanged:,} as they were)"
    before = known if every.added < every.facts else ""
    return f"{'would import' if is_trial else 'imported'} {', '.join(counts)}{before}; revision {done.revision}"


def import_form(done: Imported, *, is_trial: bool) -> dict[str, Json]:
    """The same as one object."""
    every = _every(done)
    return {
        "entities": done.entities.facts,
        "assignments": done.assignments.facts,
        "relations": done.relations.facts,
        "added": every.added,
        "changed": every.changed,
        "unchanged": every.unchanged,
        "dry_run": is_trial,
        "revision": done.revision,
    }


def _every(done: Imported) -> Tally:
    kinds = (done.entities, done.assignments, done.relations)
    return Tally(
        sum(kind.added for kind in kinds), sum(kind.changed for kind in kinds), sum(kind.unchanged for kind in kinds)
    )
