"""Verify: the background process verifies for who may read everything, and says what it cannot show."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from magistrate.v1 import decision_log_pb2 as pb

from service.db.migration import migrate
from service.db.opening import open_database
from tests.e2e.running import wait_until
from tests.service.decisions.chains import KEY, LENGTH, NORTH, SOUTH, WEST, fill, id_at, tamper
from tests.service.doors.auditing import Audit, Call, build_audit, verifying

PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    """A door over two chains with signed checkpoints."""
    database = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    migrate(database, "log")
    fill(database, tmp_path)
    yield build_audit(database, tmp_path)
    database.close()


def verify(*keys: str, timeout: float = 20) -> Call[pb.VerifyResponse]:
    request = pb.VerifyRequest(public_keys=keys)
    return lambda stub, who: stub.Verify(request, metadata=who, timeout=timeout)


def test_a_sound_log_is_proven_up_to_its_last_checkpoint(audit: Audit, tmp_path: Path) -> None:
    with verifying(audit, tmp_path):
        found = audit.ask("auditor", verify(PEM))
    assert (found.is_sound, found.last_checkpoint, found.unsigned_checkpoints) == (True, 2, 0)
    assert [(each.replica, each.records, each.holds_to, each.proven_to) for each in found.chains] == [
        (replica, LENGTH, LENGTH, LENGTH) for replica in (NORTH, SOUTH, WEST)
    ]  # fmt: skip
    assert list(found.not_shown) == []
    (record,) = audit.records.records
    assert record.inputs == {"read": "verification", "public_keys": 1}


def test_what_was_changed_is_named(audit: Audit, tmp_path: Path) -> None:
    changed = id_at(audit.log, SOUTH, 3)
    tamper(audit.log, f"UPDATE decision SET effect = 'allow' WHERE id = '{changed}'")  # an id of ours
    with verifying(audit, tmp_path):
        found = audit.ask("auditor", verify(PEM))
    assert not found.is_sound
    north, south, west = found.chains
    assert (north.fault_count, south.fault_count, west.fault_count, south.holds_to) == (0, 1, 0, 2)
    fault = south.faults[0]
    assert (fault.kind, fault.replica, fault.sequence, fault.decision_id) == ("changed", SOUTH, 3, changed)


def test_without_a_key_it_says_that_signatures_were_not_looked_at(audit: Audit, tmp_path: Path) -> None:
    with verifying(audit, tmp_path):
        found = audit.ask("auditor", verify())
    assert [each for each in found.not_shown if "the signatures of the checkpoints were not checked" in each]


@pytest.mark.parametrize("name", ["local", "admin", "somebody"])
def test_only_who_may_read_everything_may_have_it_verified(audit: Audit, name: str) -> None:
    assert audit.fails(name, verify()).code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_key_that_is_none_is_named(audit: Audit) -> None:
    failure = audit.fails("auditor", verify(PEM, "not a key"))
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "public_keys[1]" in (failure.details() or "")


def test_a_verification_that_nobody_waits_for_any_more_is_given_up(audit: Audit, tmp_path: Path) -> None:
    assert audit.fails("auditor", verify(timeout=0.5)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(audit.verifications.next, None)
