"""Both databases take the tables of examples/mapped alike, and bring the same by its mapping, as its README says."""

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

from policy_lang.values import Ref
from service.entities.mapped.wanted import Brought, Wanted
from service.policies.folder import load_bundle
from tests.service.entities.mapped.places import source_of

EXAMPLE: Final = Path(__file__).parents[4] / "examples" / "mapped"
SCRIPTS: Final = [(EXAMPLE / name).read_text() for name in ("schema.sql", "data.sql")]
SCHEMA: Final = load_bundle(EXAMPLE / "policies").program.schema
BOB, CAROL, LARGE = Ref("Person", "bob"), Ref("Person", "carol"), Ref("Invoice", "102")
WANTED: Final = Wanted(
    rows={BOB, Ref("Person", "dave"), Ref("Project", "1"), Ref("Project", "2"), LARGE, Ref("Invoice", "9")},
    held={BOB, CAROL},
    links={((LARGE, "billing.approver"), CAROL), ((LARGE, "billing.approver"), BOB)},
)


def brought(url: str) -> Brought:
    """What the example's mapping brings of the tables there, which it fits."""
    mapping = tomllib.loads((EXAMPLE / "magistrate.toml").read_text())["sources"]["app"]
    with closing(source_of(url, **mapping | {"database": url})) as source:
        assert source.plan(SCHEMA).faults == ()
        return source.read(SCHEMA, WANTED)


def test_the_example_is_alike_on_both_databases(postgresql_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgresql_url) as server:
        for script in SCRIPTS:
            server.execute(script.encode())
    with closing(sqlite3.connect(tmp_path / "app.db")) as file:
        for script in SCRIPTS:
            file.executescript(script)
    of_file, of_server = brought(f"sqlite:///{tmp_path / 'app.db'}"), brought(postgresql_url)
    assert of_server.rows == of_file.rows
    assert of_server.rows[Ref("Invoice", "9")] is None
    assert {who: set(held) for who, held in of_server.held.items()} == {
        who: set(held) for who, held in of_file.held.items()
    }
    assert {(each.role, each.place) for each in of_server.held[BOB]} == {
        ("billing.editor", Ref("Project", "1")),
        ("billing.editor", Ref("Project", "2")),
    }
    assert of_server.links == of_file.links
    assert [link.subject for links in of_server.links.values() for link in links] == [CAROL]
