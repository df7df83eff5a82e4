"""What a feed tells: every change once and in order, and everything where it cannot be sure of that."""

import asyncio

import pytest

from service.db.feed import FORMAT
from service.db.feed_reading import Polled, Told
from service.errors import FactsUnavailable, RevisionUnknown
from service.feed.feed import Feed
from service.feed.revision import Revision


class Heard:
    """A feed on a clock that is set by hand, and what it told of entities."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[tuple[str | None, int]] = []
        self.feed = Feed(10, lambda: self.now)
        self.feed.subscribe("entity", lambda key, n: self.told.append((key, n)))

    def poll(self, n: int, *changes: Told, epoch: str = "e") -> None:
        """Takes in a poll."""
        self.feed.apply(Polled(epoch, n, changes), self.now)

    def new(self) -> list[tuple[str | None, int]]:
        """What was told since this was last asked."""
        told, self.told[:] = self.told[:], []
        return told


def entity(n: int, key: str, *, kind: str = "entity", format_: int = FORMAT) -> Told:
    return Told(n, format_, kind, key)


@pytest.fixture
def heard() -> Heard:
    heard = Heard()
    heard.poll(5)
    assert heard.new() == [(None, 5)]
    return heard


def test_changes_are_told_in_their_order(heard: Heard) -> None:
    heard.poll(7, entity(6, "A:1"), entity(6, "A:2"), entity(7, "A:1"))
    assert heard.new() == [("A:1", 6), ("A:2", 6), ("A:1", 7)]
    assert heard.feed.position == ("e", 7)
    heard.poll(7)
    assert heard.new() == []


def test_each_kind_is_told_to_those_who_asked_for_it(heard: Heard) -> None:
    others: list[str | None] = []
    heard.feed.subscribe("revocation", lambda key, _: others.append(key))
    heard.poll(6, entity(6, "A:1"), entity(6, "t", kind="revocation"), entity(6, "x", kind="of no one"))
    assert heard.new() == [("A:1", 6)]
    assert others == ["t"]


@pytest.mark.parametrize(
    ("n", "changes", "epoch"),
    [
        pytest.param(6, (entity(6, "", kind="*"),), "e", id="everything"),
        pytest.param(6, (entity(6, "A:1", format_=FORMAT + 1),), "e", id="a format of later"),
        pytest.param(7, (entity(7, "A:1"),), "e", id="a gap"),
        pytest.param(9, (), "e", id="changes that are not told any more"),
        pytest.param(6, (entity(6, "A:1"),), "f", id="another epoch"),
        pytest.param(4, (), "e", id="a restore that nobody told of"),
    ],
)
def test_what_is_not_sure_to_be_known_is_everything(
    heard: Heard, n: int, changes: tuple[Told, ...], epoch: str
) -> None:
    heard.poll(n, *changes, epoch=epoch)
    assert heard.new() == [(None, n)]
    assert heard.feed.position == (epoch, n)


def test_staleness_counts_from_the_start_of_the_last_good_poll(heard: Heard) -> None:
    heard.now += 10
    assert heard.feed.position == ("e", 5)
    heard.now += 0.1
    assert not heard.feed.is_fresh()
    with pytest.raises(FactsUnavailable, match="no change was heard of for longer than 10 seconds"):
        _ = heard.feed.position
    heard.feed.confirm(heard.now - 1)
    assert heard.feed.is_fresh()
    assert heard.feed.staleness == pytest.approx(1)


def test_a_feed_that_was_never_polled_is_not_fresh() -> None:
    feed = Feed(10)
    assert not feed.is_fresh()
    with pytest.raises(FactsUnavailable):
        _ = feed.position
    assert not asyncio.run(feed.begun(0.01))


def test_a_new_epoch_is_known_by_the_poll_that_its_revision_hurries(heard: Heard) -> None:
    heard.now = 101.0
    heard.feed.when_waited_for(lambda: heard.poll(0, epoch="f"))
    asyncio.run(heard.feed.reached(Revision("f", 0), 1))
    assert heard.feed.position == ("f", 0)


def test_an_epoch_that_no_poll_knows_is_unknown(heard: Heard) -> None:
    heard.now = 101.0
    heard.feed.when_waited_for(lambda: heard.poll(5))
    with pytest.raises(RevisionUnknown):
        asyncio.run(heard.feed.reached(Revision("f", 0), 1))
