"""Says which policies facts must fit while they are written: those in force, and those that are about to be."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from policy_lang.schema import Schema
from service.errors import ActivationUnderWay
from service.model import ActivePolicies
from service.policies.activations import share_activations, standing_of


class Loaded(Protocol):
    """Holds policies in memory."""

    def loaded(self, digest: str) -> ActivePolicies | None:
        """Those of that digest, in force or prepared; None where they are not loaded."""
        ...


def require_in_force(connection: Connection, digest: str) -> None:
    """Returns where those policies, and no others, are in force until the write's transaction ends.

    ActivationUnderWay where others have come into force, or are about to: facts were not held to their types.
    """
    share_activations(connection)
    standing = standing_of(connection)
    other = standing.preparing.digest if standing.preparing is not None else standing.active
    if other != digest:
        raise ActivationUnderWay(
            f"the policies `{other}` are being put in force, or have been meanwhile: nothing was written"
            "\nhelp: do the same again when that has ended"
        )


class ComingPolicies:
    """Reads them within a write's transaction, which no activation overtakes from then on (`entities.Standing`)."""

    def __init__(self, holder: Loaded) -> None:
        self._holder = holder

    def __call__(self, connection: Connection, schema: Schema) -> Sequence[ActivePolicies]:
        """The policies but for those of that schema; ActivationUnderWay where some are not loaded here yet."""
        share_activations(connection)
        standing = standing_of(connection)
        digests = [standing.active, standing.preparing.digest if standing.preparing is not None else ""]
        return [
            found for digest in digests if digest and (found := self._find(digest)).bundle.program.schema is not schema
        ]

    def _find(self, digest: str) -> ActivePolicies:
        found = self._holder.loaded(digest)
        if found is None:
            raise ActivationUnderWay(f"the policies `{digest}` are being put in force: write again when that has ended")
        return found
