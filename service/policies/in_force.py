"""The policies in force as the store has them, for what writes facts without being told of activations."""

from sqlalchemy import Connection

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import PolicyError
from policy_lang.loading import load
from service.db.engine import Database
from service.errors import BundleRefused, NoPolicies
from service.policies.activations import Activations
from service.policies.coming import require_in_force
from service.policies.store import BundleStore


class StoredInForce:
    """The store of one database (`entities.transfer_work.InForce`)."""

    def __init__(self, database: Database) -> None:
        self._activations = Activations(database)
        self._bundles = BundleStore(database)

    def require(self, connection: Connection, digest: str) -> None:
        """Returns where those policies stay in force until the transaction ends; else ActivationUnderWay."""
        require_in_force(connection, digest)

    def settled(self) -> Bundle | None:
        """The policies in force; None while others are being put in force.

        NoPolicies where none are, BundleRefused where the store has not what was pushed.
        """
        standing = self._activations.standing()
        if standing.preparing is not None:
            # Whoever asked for it may have died; time then ends it, once somebody looks.
            self._activations.settle(standing.preparing.number)
            return None
        return self._loaded(standing.active)

    def current(self) -> Bundle:
        """The policies in force, whatever is being put in force; errors as `settled`."""
        return self._loaded(self._activations.standing().active)

    def _loaded(self, digest: str) -> Bundle:
        if not digest:
            raise NoPolicies("no policies are in force\nhelp: `magistrate policy push --activate` puts some in force")
        try:
            bundle = load(self._bundles.fetch(digest)[1])
        except PolicyError as error:
            raise BundleRefused(f"the policies in force may not be used by this version: {error}") from error
        if bundle.digest != digest:
            raise BundleRefused(f"the texts of `{digest}` in the store are those of `{bundle.digest}`")
        return bundle
