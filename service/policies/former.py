"""Finds policies that were in force once, by their digest."""

from collections.abc import Callable, Mapping

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import PolicyError
from policy_lang.loading import load
from service.errors import FactsUnavailable, NotFound
from service.policies.store import BundleStore


def find_former(given: Mapping[str, Bundle], store: BundleStore | None) -> Callable[[str], Bundle | None]:
    """Finds them among those given, else among those that were pushed; None for what neither has."""

    def find(digest: str) -> Bundle | None:
        if digest in given or store is None:
            return given.get(digest)
        try:
            bundle = load(store.fetch(digest)[1])
        except (NotFound, PolicyError, FactsUnavailable):
            return None
        return bundle if bundle.digest == digest else None

    return find
