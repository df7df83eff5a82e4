"""What a process says of itself, and allows itself."""

import resource
from collections.abc import Iterator

import pytest

from service.vitals import allow_open_files


@pytest.fixture
def few_files() -> Iterator[int]:
    """A process that may open fewer files than it may allow itself; how many those are."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most - 1, most))
    yield most
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_as_many_files_may_be_open_as_the_system_lets(few_files: int) -> None:
    allow_open_files()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few_files, few_files)
