"""An import is whole or nothing, and says which line is at fault."""

from io import BytesIO
from pathlib import Path

import orjson
import pytest

from policy_lang.types import Json
from policy_lang.values import UNSET, Ref
from service.db.engine import Database
from service.entities.importer import PASSES, Importer
from service.entities.lines import LINE_LIMIT
from service.entities.store import EntityStore
from service.errors import DataError
from tests.contracts.documents import SCHEMA

T1: dict[str, Json] = {"kind": "resource", "type": "Tenant", "id": "t1"}


ROLE: dict[str, Json] = {"kind": "assignment", "principal": {"type": "User", "id": "x"}, "role": "docs.auditor"}
LINK: dict[str, Json] = {"kind": "relation", "resource": "d", "relation": "docs.collaborator", "principal": "x"}


def file_of(*lines: dict[str, Json] | bytes) -> BytesIO:
    return BytesIO(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines) + b"\n")


def user(id_: str, **attributes: Json) -> dict[str, Json]:
    return {"kind": "principal", "type": "User", "id": id_, "attributes": attributes}


def folder(id_: str, *parents: str) -> dict[str, Json]:
    return {"kind": "resource", "type": "Folder", "id": id_, "parents": list(parents)}


@pytest.fixture
def importer(facts: Database) -> Importer:
    return Importer(facts, SCHEMA)


def revision(store: EntityStore) -> int:
    with store.snapshot(SCHEMA) as snapshot:
        return int(snapshot.revision.partition(".")[2])


def test_an_import_is_one_revision_and_lines_may_refer_to_later_ones(importer: Importer, store: EntityStore) -> None:
    done = importer.run(
        file_of(
            b"",
            {"kind": "assignment", "principal": {"type": "User", "id": "alice"}, "role": "docs.viewer", "scope": "t1"},
            {
                "kind": "relation",
                "resource": "d1",
                "relation": "docs.collaborator",
                "principal": {"type": "Team", "id": "legal"},
            },
            {"kind": "resource", "type": "Document", "id": "d1", "attributes": {"level": 3}, "parents": ["inbox"]},
            folder("inbox", "root"),
            folder("root"),
            b"   ",
            user("alice", clearance=2) | {"parents": ["legal"]},
            {"kind": "resource", "type": "Team", "id": "legal"},
            T1,
        )
    )
    assert (done.entities, done.assignments, done.relations) == (6, 1, 1)
    assert revision(store) == 1
    with store.snapshot(SCHEMA) as snapshot:
        assert done.revision == snapshot.revision
        assert snapshot.rows([Ref("Document", "d1")])[Ref("Document", "d1")].parents == (Ref("Folder", "inbox"),)
        assert len(snapshot.assignments([Ref("User", "alice")])) == 1
        assert len(snapshot.links([(Ref("Document", "d1"), "docs.collaborator")], None)) == 1


def test_a_second_import_overwrites_what_it_names_and_leaves_the_rest(importer: Importer, store: EntityStore) -> None:
    importer.run(
        file_of(user("alice", clearance=1), user("bob", clearance=1), folder("a"), folder("b"), folder("c", "a"))
    )
    importer.run(file_of(user("alice", suspended=True), folder("c", "b")))
    alice, bob, moved = Ref("User", "alice"), Ref("User", "bob"), Ref("Folder", "c")
    with store.snapshot(SCHEMA) as snapshot:
        rows = snapshot.rows([alice, bob, moved])
    assert rows[alice].attributes["suspended"] is True
    assert rows[alice].attributes["clearance"] is UNSET
    assert rows[bob].attributes["clearance"] == 1
    assert rows[moved].parents == (Ref("Folder", "b"),)


def test_of_two_lines_about_the_same_fact_the_later_counts(importer: Importer, store: EntityStore) -> None:
    importer.run(
        file_of(
            folder("a"),
            folder("b"),
            folder("c", "a"),
            user("alice", clearance=1),
            folder("c", "b"),
            user("alice", clearance=2),
        )
    )
    with store.snapshot(SCHEMA) as snapshot:
        rows = snapshot.rows([Ref("User", "alice"), Ref("Folder", "c")])
    assert rows[Ref("User", "alice")].attributes["clearance"] == 2
    assert rows[Ref("Folder", "c")].parents == (Ref("Folder", "b"),)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (orjson.dumps(user("x", clearance="high")), "`User.clearance`: expected a whole number"),
        (orjson.dumps(user("x", clearence=1)), "unknown attribute `clearence` of `User`"),
        (b'{"kind": "principal", "type": "User"', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"kind": "resource", "type": "Folder", "id": "f", "parents": ["nowhere"]}', "there is no `Folder:nowhere`"),
    ],
    ids=["wrong type of value", "unknown attribute", "cut off", "not UTF-8", "missing parent"],
)  # fmt: skip
def test_one_broken_line_of_ten_thousand_leaves_nothing_imported(
    importer: Importer, store: EntityStore, broken: bytes, reason: str
) -> None:
    lines: list[dict[str, Json] | bytes] = [user(f"u{number}", clearance=1) for number in range(10_000)]
    lines[4_999] = broken
    with pytest.raises(DataError, match=r"^line 5,000: ") as failed:
        importer.run(file_of(*lines))
    assert reason in str(failed.value)
    assert "nothing was imported" in str(failed.value)
    assert revision(store) == 0
    with store.snapshot(SCHEMA) as snapshot:
        assert snapshot.rows([Ref("User", "u0"), Ref("User", "u9999")]) == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"kind": "rule"}, "`kind`: expected one of principal, resource, assignment, relation"),
        ({"kind": ["principal"]}, "`kind`: expected one of"),
        ([1], "expected an object"),
        ({"kind": "principal", "type": "User"}, "a fact of kind `principal` needs `id`"),
        ({"kind": "principal", "type": "User", "id": 7}, "`id`: expected a string"),
        ({"kind": "principal", "type": "User", "id": ""}, "`id`: an id is not empty"),
        ({"kind": "principal", "type": "User", "id": "x" * 257}, "`id`: an id has at most 256 characters"),
        ({"kind": "principal", "type": "User", "id": "a\nb"}, "`id`: an id has no control characters"),
        ({"kind": "principal", "type": "User", "name": "x"}, "a fact of kind `principal` has no field `name`"),
        ({"kind": "resource", "type": "User", "id": "x"}, "`kind`: expected principal, as `User` is a principal type"),
        ({"kind": "principal", "type": "Folder", "id": "x"}, "`kind`: expected resource, as `Folder` is no principal"),
        ({"kind": "resource", "type": "Foldr", "id": "x"}, "unknown type `Foldr`\nhelp: did you mean `Folder`?"),
        ({"kind": "resource", "type": "Route", "id": "x"}, "`Route` has no rows"),
        (user("x", email="a@b"), "`User.email` is not stored: the principal's token says it"),
        (user("x", zone="Mars/Olympus"), "`User.zone`: expected the name of a time zone"),
        (user("x", tenant={"type": "Team", "id": "t"}), "`User.tenant`: expected a reference to Tenant"),
        (user("x", clearance=2**53), "`User.clearance`: expected a whole number within"),
        (user("x", clearance=1.0), "`User.clearance`: expected a whole number"),
        (user("x") | {"attributes": []}, "`attributes`: expected an object"),
        (user("x") | {"parents": "legal"}, "`parents`: expected a list"),
        (user("x") | {"parents": [{"type": "Folder", "id": "f"}]}, "`parents`: expected a reference to Team"),
        (T1 | {"parents": ["t2"]}, "`Tenant` has no parents"),
        (ROLE | {"principal": "x"}, "`principal`: expected {"),
        (ROLE | {"role": "docs.admin"}, "unknown role"),
        (ROLE | {"role": "docs.viewer"}, "is assigned at a"),
        (ROLE | {"scope": "t1"}, "globally"),
        (ROLE | {"principal": {"type": "Folder", "id": "x"}}, "`principal`: expected"),
        (ROLE | {"expires_at": "soon"}, "`expires_at`"),
        (ROLE, "there is no `User:x`"),
        (LINK | {"relation": "docs.owner"}, "unknown stored relation"),
        (LINK | {"principal": {"type": "Tenant", "id": "t"}}, "`principal`: expected"),
        (LINK | {"relation": "docs.watcher"}, "there is no `Folder:d`"),
    ],
)  # fmt: skip
def test_a_line_that_says_no_fact_is_refused_with_what_is_wrong(importer: Importer, line: Json, reason: str) -> None:
    with pytest.raises(DataError) as failed:
        importer.run(BytesIO(orjson.dumps(line)))
    assert str(failed.value).startswith("line 1: ")
    assert reason in str(failed.value)


def test_every_fault_is_counted_and_the_first_ten_are_quoted(importer: Importer) -> None:
    with pytest.raises(DataError) as failed:
        importer.run(file_of(*[user("x", nope=1)] * 25))
    quoted = [line for line in str(failed.value).splitlines() if line.startswith("line ")]
    assert [line.partition(":")[0] for line in quoted] == [f"line {number}" for number in range(1, 11)]
    assert "15 more faults" in str(failed.value)


def test_a_line_over_the_limit_is_refused_and_the_next_still_read(importer: Importer) -> None:
    with pytest.raises(DataError) as failed:
        importer.run(file_of(T1, b"x" * (3 * LINE_LIMIT), user("x", nope=1)))
    assert "line 2: longer than 1,048,576 bytes" in str(failed.value)
    assert "line 3: unknown attribute `nope`" in str(failed.value)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([folder("a", "a")], "line 1: `Folder:a` would be its own ancestor"),
        ([folder("x"), folder("a", "b"), folder("b", "c"), folder("c", "a")], "line 2: `Folder:a` would be its own"),
        ([folder("f0"), *(folder(f"f{n}", f"f{n - 1}") for n in range(1, 18))], "line 2: the way up through `Fold"),
    ],
    ids=["own parent", "cycle", "too deep"],
)  # fmt: skip
def test_parents_that_make_no_hierarchy_are_refused(
    importer: Importer, store: EntityStore, lines: list[dict[str, Json]], fault: str
) -> None:
    with pytest.raises(DataError) as failed:
        importer.run(file_of(*lines))
    assert fault in str(failed.value)
    assert revision(store) == 0


def test_sixteen_parents_up_are_allowed(importer: Importer, store: EntityStore) -> None:
    importer.run(file_of(folder("f0"), *(folder(f"f{n}", f"f{n - 1}") for n in range(1, 17))))
    with store.snapshot(SCHEMA) as snapshot:
        assert len(snapshot.ancestry([Ref("Folder", "f16")])) == 17


def test_progress_reaches_the_end_of_every_pass(importer: Importer, tmp_path: Path) -> None:
    told: list[int] = []
    file = file_of(*(user(f"u{number}", clearance=1) for number in range(2_500)))
    importer.run(file, told.append)
    assert sum(told) == PASSES * len(file.getvalue())
