"""A door over a decision point of its own, and who talks to it."""

from pathlib import Path

import pytest

from tests.service.doors.desk import Desk, build_desk
from tests.service.doors.talking import Talk
from tests.service.point import KeptRecords, build_point


@pytest.fixture
def recorder() -> KeptRecords:
    return KeptRecords()


@pytest.fixture
def talk(tmp_path: Path, recorder: KeptRecords) -> Talk:
    return Talk(build_point(tmp_path, recorder))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return build_desk(tmp_path)
