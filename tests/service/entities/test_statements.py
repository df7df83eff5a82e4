"""A check costs a known number of statements, and a batch the same: one per source and reference step."""

from collections.abc import Iterator

import pytest

from policy_lang.compiler import Compiled
from policy_lang.facts import Facts, Question
from policy_lang.gather import gather
from policy_lang.loading import load
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from tests.service.entities.statements import counted_statements

POLICY = """\
module docs
tenant type Tenant {}
type Team in Team {}
principal type User in Team { tenant: Tenant, suspended: bool }
type Folder in Folder { tenant: Tenant, owner: User }
type Document in Folder { tenant: Tenant, folder: Folder? }
actions Document { read, share }
role viewer on Tenant { Document: read }
relation folder_owner on Document = has resource.folder and resource.folder.owner == principal
relation collaborator on Document: User, Team
rule by_role: allow granted on Document to role in resource.tenant
rule owner: allow read on Document to folder_owner
rule deep: allow read on Document to User when has resource.folder and resource.folder.owner.suspended
rule shared: allow read on Document to collaborator
rule legal: allow read on Document to Team "legal" when resource under Folder "root"
rule suspended: deny any on any to User when principal.suspended
"""
BUNDLE = load({"docs.policy": POLICY})
COMPILED = Compiled(BUNDLE.program)
SCHEMA = BUNDLE.program.schema


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that reach a database of fifty users and documents."""
    with counted_statements() as seen:
        migrate(database, "facts")
        _fill(EntityWriter(database, SCHEMA))
        seen.clear()
        yield seen


def _fill(writer: EntityWriter) -> None:
    def ref(type_: str, id_: str) -> Json:
        return {"type": type_, "id": id_}

    for type_, id_ in (("Tenant", "t1"), ("Team", "staff")):
        writer.put(Ref(type_, id_), {})
    writer.put(Ref("Team", "legal"), {}, ["staff"])
    writer.put(Ref("Folder", "root"), {"tenant": "t1", "owner": "o0"})
    for at in range(5):
        writer.put(Ref("User", f"u{at}"), {"tenant": "t1", "suspended": False}, ["legal"])
        writer.put(Ref("User", f"o{at}"), {"tenant": "t1", "suspended": False})
        writer.put(Ref("Folder", f"f{at}"), {"tenant": "t1", "owner": f"o{at}"}, ["root"])
        writer.put(Ref("Document", f"d{at}"), {"tenant": "t1", "folder": f"f{at}"}, [f"f{at}"])
    writer.assign(ref("Team", "legal"), "docs.viewer", "t1")
    writer.relate("d1", "docs.collaborator", ref("User", "u0"))


def _question(at: int) -> Question:
    return Question(
        principal=Ref("User", f"u{at % 5}"),
        action="read",
        resource=Ref("Document", f"d{at // 5 % 5}"),
        now=1_800_000_000_000,
        principal_cells={},
        resource_cells={},
        resource_parents=(),
        context={"now": 1_800_000_000_000},
    )


def _gather(database: Database, questions: list[Question]) -> list[Facts]:
    with EntityStore(database).snapshot(SCHEMA) as snapshot:
        return gather(questions, COMPILED, snapshot)


@pytest.mark.parametrize("size", [1, 50])
def test_a_check_and_a_batch_of_fifty_read_once_per_source_and_step(
    database: Database, statements: list[str], size: int
) -> None:
    facts = _gather(database, [_question(at) for at in range(size)])
    assert all(COMPILED.decide(known) for known in facts)
    kinds = [
        next(word for word in ("revision", "WITH", "role_assignment", "relation_link", "entity") if word in statement)
        for statement in statements
    ]
    assert kinds == [
        "revision",
        "entity",  # the principals and the resources
        "entity",  # resource.folder
        "entity",  # resource.folder.owner
        "WITH",  # the way up of principals and resources
        "role_assignment",
        "relation_link",
    ]


@pytest.mark.parametrize("depth", [1, 16])
def test_the_statements_do_not_grow_with_the_depth_of_teams(
    database: Database, statements: list[str], depth: int
) -> None:
    writer = EntityWriter(database, SCHEMA)
    for at in range(depth):
        writer.put(Ref("Team", f"deep{at}"), {}, [f"deep{at - 1}"] if at else None)
    writer.put(Ref("User", "u0"), {"tenant": "t1", "suspended": False}, [f"deep{depth - 1}"])
    statements.clear()
    (facts,) = _gather(database, [_question(0)])
    assert len(facts.ancestors) == depth + 1
    assert len(statements) == 7
    assert sum("WITH" in statement for statement in statements) == 1
