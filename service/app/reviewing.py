"""Tests and compares policies in the background process, and writes what came of it as the door sends it."""

from collections.abc import Callable
from typing import Final

from magistrate.v1 import policy_pb2 as pb

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import PolicyError
from policy_lang.reviewing.difference import difference_of
from policy_lang.selection import UnknownTest
from service.config import Settings
from service.db.engine import Database
from service.desk import Desk
from service.doors.grpc.difference_codec import write_difference
from service.doors.grpc.findings_codec import write_findings
from service.doors.grpc.suite_codec import fitted, write_tested
from service.errands import Errands
from service.errors import BundleRefused, LimitExceeded
from service.policies.review_forms import (
    ANSWER_BYTES,
    REVIEWS,
    DifferenceWanted,
    Refusal,
    Source,
    SuiteWanted,
    read_wanted,
    write_outcome,
)
from service.policies.suites import NotTestsAlone, Run, run_tests, with_tests
from service.policies.verdict import finding_of

EXPLAINED: Final = 100
"""Failures that are explained."""

GoOn = Callable[[], None]


def build_reviews(settings: Settings, facts: Database) -> Errands:
    """What tests and compares policies for the workers of this replica."""
    return Errands(Desk(facts, settings.replica_id, REVIEWS), Reviews())


class Reviews:
    """Tests and compares (`errands.Work`); outcomes have the form of `review_forms`."""

    def do(self, question: str, go_on: GoOn) -> str:
        """The answer as a message of the contract, or why there is none."""
        return write_outcome(self._outcome(question, go_on))

    def failed(self, because: str) -> str:
        """The outcome of work that could not be done."""
        return write_outcome(Refusal("service", because))

    def _outcome(self, question: str, go_on: GoOn) -> bytes | Refusal:
        try:
            match read_wanted(question):
                case SuiteWanted() as wanted:
                    return _tested(wanted, go_on).SerializeToString()
                case DifferenceWanted() as wanted:
                    return _compared(wanted, go_on).SerializeToString()
        except UnknownTest as error:
            return Refusal("request", str(error), "only")
        except NotTestsAlone as error:
            return Refusal("request", str(error), "tests")
        except LimitExceeded as error:
            return Refusal("size", given=error.given)
        except BundleRefused as error:
            return Refusal("store", str(error))


def _tested(wanted: SuiteWanted, go_on: GoOn) -> pb.TestResponse:
    bundle, diagnostics = _loaded(wanted.source, wanted)
    if bundle is None:
        return pb.TestResponse(diagnostics=diagnostics)
    go_on()
    return fitted(write_tested(run_tests(bundle, Run(wanted.only, EXPLAINED, wanted.has_coverage), go_on)))


def _compared(wanted: DifferenceWanted, go_on: GoOn) -> pb.DiffResponse:
    old, of_old = _loaded(wanted.old)
    go_on()
    new, of_new = _loaded(wanted.new)
    go_on()
    answer = pb.DiffResponse(diagnostics=[*of_old, *of_new])
    if old is not None and new is not None:
        answer = write_difference(difference_of(old.program, new.program, wanted.steps, go_on))
    answer.old_digest = "" if old is None else old.digest
    answer.new_digest = "" if new is None else new.digest
    if answer.ByteSize() > ANSWER_BYTES:
        raise LimitExceeded("policy_answer_bytes", ANSWER_BYTES, answer.ByteSize())
    return answer


def _loaded(source: Source, tested: SuiteWanted | None = None) -> tuple[Bundle | None, list[pb.Diagnostic]]:
    """The policies, or what is wrong with them; BundleRefused where the store's are others than were pushed."""
    try:
        bundle = with_tests(source.texts, {} if tested is None else tested.tests)
    except PolicyError as error:
        return None, write_findings(map(finding_of, error.diagnostics))
    if source.digest and bundle.digest != source.digest:
        raise BundleRefused(f"the texts of `{source.digest}` in the store are those of `{bundle.digest}`")
    return bundle, []
