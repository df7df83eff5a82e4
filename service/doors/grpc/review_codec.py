"""Turns what is to be tested or compared from messages into the model."""

from collections.abc import Iterable
from typing import Final

from magistrate.v1 import policy_pb2 as pb

from service.doors.grpc.policy_codec import read_digest, read_texts
from service.errors import InvalidRequest, LimitExceeded, Violation
from service.policies.review_office import Named, SuiteNamed

ONLY: Final = 100
ONLY_LENGTH: Final = 1_000
STEPS: Final = 20_000
MOST_STEPS: Final = 100_000


def read_suite(message: pb.TestRequest) -> SuiteNamed:
    """Which tests are to be run; InvalidRequest, LimitExceeded."""
    if len(message.only) > ONLY:
        raise LimitExceeded("selected_tests", ONLY, len(message.only))
    if any(len(pattern) > ONLY_LENGTH for pattern in message.only):
        raise LimitExceeded("selected_test_characters", ONLY_LENGTH, max(map(len, message.only)))
    tests = read_texts(message.tests, "tests") if message.tests else {}
    return SuiteNamed(_read_named(message.files, message.digest), tests, list(message.only), message.coverage)


def read_compared(message: pb.DiffRequest) -> tuple[Named, Named]:
    """The older policies and the newer ones; InvalidRequest, LimitExceeded."""
    old = _read_named(message.old_files, message.old_digest, "old_")
    new = _read_named(message.new_files, message.new_digest, "new_")
    return old, new


def read_steps(message: pb.DiffRequest) -> int:
    """How many steps are to be searched; LimitExceeded."""
    if not 0 <= message.steps <= MOST_STEPS:
        raise LimitExceeded("policy_diff_steps", MOST_STEPS, message.steps)
    return 0 if message.without_search else message.steps or STEPS


def _read_named(files: Iterable[pb.PolicyFile], digest: str, prefix: str = "") -> Named:
    sent = list(files)
    if sent and digest:
        raise InvalidRequest([Violation(f"{prefix}digest", "files, or the digest of what was pushed")])
    texts = read_texts(sent, f"{prefix}files") if sent else None
    return Named(texts, read_digest(digest, f"{prefix}digest") if digest else "")
