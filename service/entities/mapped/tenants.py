"""Reads of which tenant mapped entities are, for those who write or read what the store holds of them, and may wait."""

from collections.abc import Collection, Mapping
from typing import Final

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.elsewhere import FetchTenants
from service.entities.mapped.store import Reads
from service.entities.mapped.wanted import Wanted

TIMEOUT_MS: Final = 2_000
"""How long a source may take."""


def tenants_in(sources: Mapping[str, Reads]) -> FetchTenants:
    """Asks one of the sources, past what is kept of it; FactsUnavailable where it cannot be read."""

    def fetch(source: str, schema: Schema, refs: Collection[Ref]) -> Mapping[Ref, Ref | None]:
        rows = sources[source].read(schema, Wanted(rows=set(refs)), TIMEOUT_MS).rows
        found: dict[Ref, Ref | None] = {}
        for ref in refs:
            row = rows.get(ref)
            tenant = None if row is None else row.attributes.get(schema.tenant_attributes[ref.type])
            found[ref] = tenant if isinstance(tenant, Ref) else None
        return found

    return fetch
