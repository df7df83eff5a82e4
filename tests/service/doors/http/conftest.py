"""One open door for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.service.doors.http.serving import Door, build_door


@pytest.fixture(scope="module")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The door over the shop's facts."""
    with build_door(tmp_path_factory.mktemp("shop")).opened() as door:
        yield door


@pytest.fixture
def door(shared_door: Door) -> Door:
    """The same, with nothing recorded yet."""
    shared_door.recorder.records.clear()
    shared_door.recorder.is_refusing = False
    return shared_door
