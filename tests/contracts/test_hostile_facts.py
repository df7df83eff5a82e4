"""Whatever an id or a value says, it reaches SQL as a parameter: it is stored, exported and imported back as it was."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from policy_lang.types import Json
from service.db.engine import Database
from service.db.facts_tables import entity, entity_parent, relation_link, role_assignment
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.imported import Asked
from service.entities.importer import Importer
from tests.contracts.documents import SCHEMA
from tests.hostile import HOSTILE


def unexpected(what: str) -> None:
    raise AssertionError(what)


def ref_of(type_: str, id_: str) -> Json:
    return {"type": type_, "id": id_}


def facts_about(ids: Sequence[str], texts: Sequence[str], expiry: Json) -> list[dict[str, Json]]:
    """For each id a tenant, a team, a user in it, a folder and a document; roles and relations between them."""
    facts: list[dict[str, Json]] = []
    for at, id_ in enumerate(ids):
        text = texts[at % len(texts)]
        user, tenant, team, folder, document = (
            ref_of(type_, id_) for type_ in ("User", "Tenant", "Team", "Folder", "Document")
        )
        other = ref_of("User", ids[at - 1])
        facts += [
            {"kind": "resource", "type": "Tenant", "id": id_, "attributes": {}, "parents": []},
            {"kind": "resource", "type": "Team", "id": id_, "attributes": {}, "parents": []},
            {"kind": "principal", "type": "User", "id": id_, "parents": [team],
             "attributes": {"department": text, "tenant": tenant}},
            {"kind": "resource", "type": "Folder", "id": id_, "attributes": {"owner": team}, "parents": []},
            {"kind": "resource", "type": "Document", "id": id_, "parents": [folder],
             "attributes": {"labels": sorted({text, id_}), "owner": user, "readers": [other], "tenant": tenant}},
            {"kind": "assignment", "principal": user, "role": "docs.viewer", "scope": tenant, "expires_at": expiry},
            {"kind": "assignment", "principal": team, "role": "docs.auditor", "scope": None, "expires_at": None},
            {"kind": "relation", "resource": document, "relation": "docs.collaborator",
             "principal": other, "expires_at": expiry},
        ]  # fmt: skip
    return facts


def import_into(database: Database, facts: list[dict[str, Json]]) -> None:
    Importer(database, SCHEMA).run(
        BytesIO(b"".join(orjson.dumps(fact) + b"\n" for fact in facts)), Asked(may_change=True)
    )


def exported(database: Database) -> list[dict[str, Json]]:
    return list(Exporter(database, SCHEMA).lines(unexpected))


def as_set(facts: list[dict[str, Json]]) -> set[bytes]:
    return {orjson.dumps(fact, option=orjson.OPT_SORT_KEYS) for fact in facts}


def test_hostile_ids_and_values_come_back_as_they_were(facts: Database) -> None:
    written = facts_about(HOSTILE, HOSTILE[::-1], "2030-01-01T00:00:00.001Z")
    import_into(facts, written)
    assert as_set(exported(facts)) == as_set(written)


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\0"), max_size=40)
IDS = st.lists(
    st.one_of(st.sampled_from(HOSTILE), TEXT.filter(lambda text: bool(text) and text.isprintable())),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip
EXPIRIES = st.sampled_from([None, "1970-01-01T00:00:00.001Z", "2026-02-28T12:00:00Z", "2999-12-31T23:59:59.999Z"])


@pytest.fixture
def pair(postgresql: Database, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """A database of each kind, with the tables of the facts."""
    embedded = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    for database in (embedded, postgresql):
        migrate(database, "facts")
    yield embedded, postgresql
    embedded.close()


def clear(*databases: Database) -> None:
    for database in databases:
        with database.write() as connection:
            for table in (relation_link, role_assignment, entity_parent, entity):
                connection.execute(delete(table))


@given(ids=IDS, texts=st.lists(TEXT, min_size=1, max_size=3), expiry=EXPIRIES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_export_imports_back_equal_on_each_database_and_across_them(
    pair: tuple[Database, Database], ids: list[str], texts: list[str], expiry: Json
) -> None:
    embedded, server = pair
    clear(embedded, server)
    written = facts_about(ids, texts, expiry)
    import_into(embedded, written)
    first = exported(embedded)
    assert as_set(first) == as_set(written)
    import_into(server, first)
    assert exported(server) == first
    clear(embedded)
    import_into(embedded, exported(server))
    assert exported(embedded) == first
