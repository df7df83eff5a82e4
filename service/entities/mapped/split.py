"""One snapshot of stored and mapped facts: each is asked where it stands (`ports.Snapshot`).

Its revision is that of the stored facts; mapped ones have none (runtime.md, Consistency).
"""

from collections.abc import Collection, Mapping, Sequence

from policy_lang.facts import Assignment, Link, Row, Source
from policy_lang.values import Ref
from service.db.facts_queries import STEPS
from service.entities.elsewhere import Elsewhere
from service.entities.shelf import End, Parents
from service.ports import Snapshot


class Split:
    """Asks `stored` for what is in the store, and `mapped` for the rest."""

    __slots__ = ("_elsewhere", "_mapped", "_stored", "revision")

    def __init__(self, stored: Snapshot, mapped: Source, elsewhere: Elsewhere) -> None:
        self._stored = stored
        self._mapped = mapped
        self._elsewhere = elsewhere
        self.revision = stored.revision

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        stored, mapped = self._apart(refs)
        found = dict(self._stored.rows(stored)) if stored else {}
        if mapped:
            found.update(self._mapped.rows(mapped))
        return found

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps of each kind."""
        found: dict[Ref, Parents] = {}
        asked: set[Ref] = set()
        level = set(refs)
        for _ in range(STEPS + 1):
            stored, mapped = self._apart(level)
            asked |= level
            if stored:
                found.update(self._stored.ancestry(stored))
            if mapped:
                found.update(self._mapped.ancestry(mapped))
            level = {parent for parents in found.values() for parent in parents} - found.keys() - asked
            if not level:
                break
        return found

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        return [*self._own(self._stored.assignments(subjects)), *self._mapped.assignments(subjects)]

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places; None is globally."""
        return [*self._own(self._stored.assignments_at(places)), *self._mapped.assignments_at(places)]

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        relations = self._elsewhere.relations
        mapped = [end for end in ends if (end[1], end[0].type) in relations]
        stored = [end for end in ends if (end[1], end[0].type) not in relations]
        return [
            *(self._stored.links(stored, subjects) if stored else ()),
            *(self._mapped.links(mapped, subjects) if mapped else ()),
        ]

    def _apart(self, refs: Collection[Ref]) -> tuple[list[Ref], list[Ref]]:
        types = self._elsewhere.types
        return [ref for ref in refs if ref.type not in types], [ref for ref in refs if ref.type in types]

    def _own(self, stored: Sequence[Assignment]) -> Sequence[Assignment]:
        """Without what the store still holds of roles that the application gives; emergencies are the service's own."""
        roles = self._elsewhere.roles
        return [each for each in stored if each.emergency or each.role not in roles] if roles else stored
