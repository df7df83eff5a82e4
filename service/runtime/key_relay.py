"""Hands the fetched keys of issuers to every worker, also to one that starts later, and its wishes to who fetches."""

from collections.abc import Iterable

from service.runtime.child import Child
from service.runtime.messages import IssuerKeys, KeysMissed, KeysWanted
from service.samples import Samples


class KeyRelay:
    """What was fetched last of each issuer."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._fetched: dict[str, IssuerKeys] = {}
        self._missed: dict[str, KeysMissed] = {}

    def joined(self, worker: Child) -> None:
        """A worker has started: it gets the last good keys, or hears at once that there are none."""
        for issuer, missed in self._missed.items():
            if issuer not in self._fetched:
                worker.tell(missed)
        for fetched in self._fetched.values():
            worker.tell(fetched)

    def heard(self, message: IssuerKeys | KeysMissed, workers: Iterable[Child]) -> None:
        """Keys were fetched, or were not."""
        match message:
            case IssuerKeys(issuer, at):
                former = self._fetched.get(issuer)
                if former is None or former.at != at:
                    self._samples.count("magistrate_key_fetches", issuer=issuer, result="fetched")
                self._fetched[issuer] = message
            case KeysMissed(issuer):
                self._samples.count("magistrate_key_fetches", issuer=issuer, result="failed")
                self._missed[issuer] = message
        for worker in workers:
            worker.tell(message)

    def wanted(self, message: KeysWanted, fetcher: Child | None) -> None:
        """A worker lacks a key."""
        if fetcher is not None:
            fetcher.tell(message)
