"""Where the application gives a role, what the store holds of it does not count, but for an emergency."""

from pathlib import Path

from policy_lang.facts import Assignment
from policy_lang.fixture_source import FixtureSource
from policy_lang.values import Ref
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.break_glass import EmergencyGrant, give_in_emergency
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.split import Split
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.source_settings import SourceSettings
from tests.service.entities.mapped.places import schema_of
from tests.service.point import NOW

ANN = Ref("User", "ann")
MAPPED = {"roles": [{"table": "held", "role": "m.editor", "subject": {"type": "User", "column": "who"}}]}


def test_an_emergency_counts_where_the_application_gives_the_role(tmp_path: Path) -> None:
    schema = schema_of("principal type User {}\ntype Doc {}\nactions Doc { read }\nrole editor { Doc: read }")
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(database, "facts")
    writer = EntityWriter(database, schema)
    writer.put(ANN, {})
    writer.assign({"type": "User", "id": "ann"}, "m.editor", None)
    wanted = Assignment(ANN, "m.editor", None, NOW + 1000)
    grant = EmergencyGrant.of(wanted, "nobody else is here", by=Ref("User", "bob"), now=NOW)
    with database.write() as connection:
        give_in_emergency(connection, grant)

    elsewhere = Elsewhere({"app": SourceSettings.model_validate(MAPPED)})
    with EntityStore(database).snapshot(schema) as stored:
        split = Split(stored, FixtureSource([]), elsewhere)
        assert list(split.assignments([ANN])) == list(split.assignments_at([None])) == [grant.assignment]
