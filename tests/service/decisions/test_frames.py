"""Whatever the bytes of a segment are, a reader gets the valid frames before the first fault, and never an error."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.decisions.frames import FRAME_LIMIT, HEADER, MAGIC, Run, Stop, make_frame, read_run

PLENTY = 1 << 20
payloads = st.lists(st.binary(min_size=1, max_size=60), max_size=6)


@contextmanager
def segment(content: bytes) -> Iterator[int]:
    """The descriptor of a segment that holds just that."""
    descriptor = os.memfd_create("segment")
    try:
        os.write(descriptor, content)
        yield descriptor
    finally:
        os.close(descriptor)


def read_all(content: bytes, most: int = PLENTY) -> tuple[list[bytes], Run]:
    """The payloads of all runs, and the last run."""
    found: list[bytes] = []
    with segment(content) as descriptor:
        run = read_run(descriptor, 0, most)
        found += [frame.payload for frame in run.frames]
        while run.stop is Stop.ENOUGH:
            run = read_run(descriptor, run.end, most)
            found += [frame.payload for frame in run.frames]
    return found, run


def written(payloads: list[bytes]) -> bytes:
    """A whole segment."""
    return HEADER + b"".join(make_frame(payload) for payload in payloads)


@given(payloads, st.integers(1, 200))
def test_frames_come_back_in_runs_of_any_size(payloads: list[bytes], most: int) -> None:
    found, run = read_all(written(payloads), most)
    assert found == payloads
    assert run.stop is Stop.END


@given(payloads, st.data())
def test_a_segment_cut_anywhere_gives_its_whole_frames(payloads: list[bytes], data: st.DataObject) -> None:
    whole = written(payloads)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found, run = read_all(whole[:cut])
    assert found == payloads[: len(found)]
    assert len(written(payloads[: len(found) + 1])) > cut
    assert run.stop is (Stop.END if run.end == cut and cut else Stop.TORN)


@given(payloads.filter(bool), st.data())
def test_a_flipped_bit_ends_the_segment_before_its_frame(payloads: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(written(payloads))
    place = data.draw(st.integers(len(HEADER), len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    before = sum(len(written(payloads[: count + 1])) <= place for count in range(len(payloads)))
    found, run = read_all(bytes(whole))
    assert found == payloads[:before]
    assert run.stop in {Stop.DAMAGED, Stop.TORN}


@given(payloads, st.binary(min_size=1, max_size=300))
def test_random_bytes_only_ever_end_the_segment(payloads: list[bytes], garbage: bytes) -> None:
    found, run = read_all(written(payloads) + garbage)
    assert found[: len(payloads)] == payloads
    assert run.end >= len(written(payloads))
    assert isinstance(run.stop, Stop)


@given(st.binary(max_size=300))
def test_a_file_that_is_no_segment_gives_nothing(content: bytes) -> None:
    found, run = read_all(b"#" + content)
    assert found == []
    assert run.stop is Stop.DAMAGED


def test_a_segment_of_another_version_is_told_from_damage() -> None:
    found, run = read_all(MAGIC + b"\x02" + make_frame(b"later"))
    assert found == []
    assert run.stop is Stop.UNKNOWN_VERSION


def test_an_empty_file_is_a_torn_segment() -> None:
    _, run = read_all(b"")
    assert run.stop is Stop.TORN


@pytest.mark.parametrize("size", [0, FRAME_LIMIT + 1])
def test_a_frame_has_bounds(size: int) -> None:
    with pytest.raises(ValueError, match="a frame holds"):
        make_frame(bytes(size))
