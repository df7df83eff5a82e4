"""Has policies tested and compared for who may have them checked, by the background process.

Everything here waits, for the database and for that process, so threads other than the loop's run it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.types import Json
from policy_lang.values import Ref
from service.desk import Desk
from service.errors import BundleRefused, InvalidRequest, LimitExceeded, MagistrateError, NotFound, Violation
from service.model import Caller
from service.permits import BUNDLE, Act, Action
from service.policies.activations import Activations
from service.policies.office import ALL
from service.policies.review_forms import (
    ANSWER_BYTES,
    DifferenceWanted,
    Refusal,
    Source,
    SuiteWanted,
    Wanted,
    read_outcome,
    write_wanted,
)
from service.policies.store import BundleStore
from service.ports import Gate

RECORDED: Final = 100
"""Files of further tests that the record of a call names: whoever is refused may have sent thousands."""


@dataclass(frozen=True, slots=True)
class Named:
    """Policies as a caller names them: texts that come along, else a digest or its beginning, else those in force."""

    texts: Mapping[str, str] | None
    digest: str

    @property
    def words(self) -> str:
        """What the record calls them."""
        return "sent" if self.texts is not None else self.digest or "in force"


@dataclass(frozen=True, slots=True)
class SuiteNamed:
    """Tests as a caller asks for them."""

    of: Named
    tests: Mapping[str, str]
    only: Sequence[str]
    has_coverage: bool


class ReviewOffice:
    """The acts of testing and comparing. `within` is in seconds; DeadlineExceeded where that was not enough.

    Answers are messages of the contract, written where the work is done: the door only passes them on.
    """

    def __init__(self, *, gate: Gate, store: BundleStore, activations: Activations, desk: Desk) -> None:
        self._gate = gate
        self._store = store
        self._activations = activations
        self._desk = desk

    def test(self, caller: Caller, named: SuiteNamed, within: float) -> bytes:
        """What came of the tests; NotFound, InvalidRequest, BundleRefused."""
        self._enter(caller, {"review": "test", "policies": named.of.words, "tests": sorted(named.tests)[:RECORDED]})
        source = self._source(named.of)
        if both := sorted(source.texts.keys() & named.tests.keys()):
            raise InvalidRequest(
                [Violation("tests", f"paths that the policies do not have, and they have `{both[0]}`")]
            )
        return self._done(SuiteWanted(source, named.tests, named.only, named.has_coverage), within)

    def diff(self, caller: Caller, old: Named, new: Named, *, steps: int, within: float) -> bytes:
        """What changes from the one to the other; NotFound, BundleRefused."""
        self._enter(caller, {"review": "diff", "old": old.words, "new": new.words})
        return self._done(DifferenceWanted(self._source(old), self._source(new), steps), within)

    def _enter(self, caller: Caller, details: dict[str, Json]) -> None:
        self._gate.admit(caller).require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL), details=details)])

    def _source(self, named: Named) -> Source:
        if named.texts is not None:
            return Source(named.texts)
        digest = self._store.resolve(named.digest) if named.digest else self._activations.standing().active
        if not digest:
            raise NotFound("no policies are in force")
        return Source(self._store.fetch(digest)[1], digest)

    def _done(self, wanted: Wanted, within: float) -> bytes:
        outcome = read_outcome(self._desk.outcome(write_wanted(wanted), within))
        if isinstance(outcome, Refusal):
            raise _error(outcome)
        return outcome


def _error(refusal: Refusal) -> MagistrateError:
    match refusal.of:
        case "request":
            return InvalidRequest([Violation(refusal.field, refusal.why)])
        case "store":
            return BundleRefused(refusal.why)
        case "size":
            return LimitExceeded("policy_answer_bytes", ANSWER_BYTES, refusal.given)
        case "service":
            return MagistrateError(refusal.why)
