"""A feed that is told by hand."""

from service.db.feed import FORMAT, Change
from service.db.feed_reading import Polled, Told
from service.feed.feed import Feed


class ToldFeed:
    """A feed that has begun, and the revision that was told last."""

    def __init__(self) -> None:
        self.feed = Feed(10.0)
        self._n = 0
        self.feed.apply(Polled("e", 0, ()), 0.0)

    def tell(self, *changes: Change) -> None:
        """Has the feed tell of those changes, in one revision."""
        self._n += 1
        self.feed.apply(Polled("e", self._n, tuple(Told(self._n, FORMAT, *each) for each in changes)), 0.0)
