"""A small world in every state that whole data may have: optional values set and not, references to each type."""

from functools import cache
from itertools import product
from typing import Final, NamedTuple

from policy_lang import loading
from policy_lang.facts import Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.typed import EntityFixture
from policy_lang.values import OPTIONAL_NOT_GIVEN, Cell, Record, Ref

DECLARATIONS: Final = """\
module m
type Team in Team { size: int? }
principal type User in Team { level: int, department: string?, boss: User? }
principal type Service from token { level: int from claim "level" }
type Folder { owner: User | Team, outer: Folder? }
type Document {
  folder: Folder?, keeper: User | Team, note: string?, place: { city: string?, code: int }?,
  intent: string? from request }
context { mfa: bool? }
actions Document { read }
"""

ALICE, BOB, LAW = Ref("User", "alice"), Ref("User", "bob"), Ref("Team", "law")
PLAN, INNER, OUTER = Ref("Document", "plan"), Ref("Folder", "inner"), Ref("Folder", "outer")
NOW: Final = 1_767_607_200_000


class State(NamedTuple):
    """What whole data may leave out, or have in one way or another."""

    is_user: bool
    is_full: bool
    has_folder: bool
    is_kept_by_team: bool
    has_note: bool

    def world(self) -> tuple[FixtureSource, Question]:
        """A store in this state, and a question in it."""
        types = loading.load({"law.policy": DECLARATIONS}).program.schema.types
        rows = [EntityFixture(ref, types[ref.type].complete(cells)) for ref, cells in self._cells().items()]
        place = types["Document"].attributes["place"].inside
        assert place is not None
        code: dict[str, Cell] = {"code": 1, **({"city": "Rome"} if self.is_full else {})}
        found = {"place": Record(place.complete(code))} if self.has_note else {}
        document = {**self._document(), **found}
        principal = ALICE if self.is_user else Ref("Service", "job")
        question = Question(
            principal=principal,
            action="read",
            resource=PLAN,
            now=NOW,
            principal_cells={} if self.is_user else {"level": 2},
            resource_cells={"intent": "a" if self.is_full else OPTIONAL_NOT_GIVEN},
            resource_parents=(),
            context={"now": NOW, "mfa": True if self.has_note else OPTIONAL_NOT_GIVEN},
        )
        return FixtureSource([*rows, EntityFixture(PLAN, types["Document"].complete(document))], (), ()), question

    def _cells(self) -> dict[Ref, dict[str, Cell]]:
        return {
            ALICE: {"level": 1, **({"department": "law", "boss": BOB} if self.is_full else {})},
            BOB: {"level": 2, **({"department": "tax"} if self.has_note else {})},
            LAW: {"size": 2} if self.is_full else {},
            INNER: {"owner": LAW if self.is_full else ALICE, **({"outer": OUTER} if self.is_full else {})},
            OUTER: {"owner": ALICE if self.has_note else LAW},
        }

    def _document(self) -> dict[str, Cell]:
        found: dict[str, Cell] = {"keeper": LAW if self.is_kept_by_team else BOB}
        return found | ({"folder": INNER} if self.has_folder else {}) | ({"note": "a"} if self.has_note else {})


@cache
def worlds() -> tuple[tuple[FixtureSource, Question], ...]:
    """Every whole state of what the conditions read."""
    return tuple(State(*state).world() for state in product((True, False), repeat=len(State._fields)))
