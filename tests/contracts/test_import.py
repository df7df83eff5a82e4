"""An import is whole or nothing, and says which line is at fault."""

import tracemalloc
from io import BytesIO

import orjson
import pytest

from policy_lang.types import Json
from policy_lang.values import UNSET, Ref
from service.db.engine import Database
from service.entities.imported import Asked, Tally
from service.entities.importer import Importer, Listener
from service.entities.lines import LINE_LIMIT
from service.entities.store import EntityStore
from service.errors import DataError
from service.governance.grants import Grants
from tests.contracts.documents import SCHEMA

T1: dict[str, Json] = {"kind": "resource", "type": "Tenant", "id": "t1"}


ROLE: dict[str, Json] = {"kind": "assignment", "principal": {"type": "User", "id": "x"}, "role": "docs.auditor"}
LINK: dict[str, Json] = {"kind": "relation", "resource": "d", "relation": "docs.collaborator", "principal": "x"}


CHANGING = Asked(may_change=True)


def file_of(*lines: dict[str, Json] | bytes) -> BytesIO:
    return BytesIO(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines) + b"\n")


def user(id_: str, **attributes: Json) -> dict[str, Json]:
    return {"kind": "principal", "type": "User", "id": id_, "attributes": attributes}


def folder(id_: str, *parents: str) -> dict[str, Json]:
    return {"kind": "resource", "type": "Folder", "id": id_, "parents": list(parents)}


def team(id_: str, *parents: str) -> dict[str, Json]:
    return {"kind": "resource", "type": "Team", "id": id_, "parents": list(parents)}


def member(id_: str, *parents: str) -> dict[str, Json]:
    return user(id_) | {"parents": list(parents)}


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
    assert (done.entities, done.assignments, done.relations) == (Tally(6, 0, 0), Tally(1, 0, 0), Tally(1, 0, 0))
    assert revision(store) == 1
    with store.snapshot(SCHEMA) as snapshot:
        assert done.revision == snapshot.revision
        assert snapshot.rows([Ref("Document", "d1")])[Ref("Document", "d1")].parents == (Ref("Folder", "inbox"),)
        assert len(snapshot.assignments([Ref("User", "alice")])) == 1
        assert len(snapshot.links([(Ref("Document", "d1"), "docs.collaborator")], None)) == 1


def test_an_import_that_may_change_overwrites_what_it_names_and_leaves_the_rest(
    importer: Importer, store: EntityStore
) -> None:
    importer.run(
        file_of(user("alice", clearance=1), user("bob", clearance=1), folder("a"), folder("b"), folder("c", "a"))
    )
    done = importer.run(file_of(user("alice", suspended=True), folder("b"), folder("c", "b")), CHANGING)
    assert done.entities == Tally(added=0, changed=2, unchanged=1)
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


def test_importing_the_same_again_changes_nothing_and_takes_no_revision(importer: Importer, store: EntityStore) -> None:
    lines = [T1, user("x", clearance=1), folder("a"), folder("b", "a"), ROLE | {"expires_at": "2030-01-01T00:00:00Z"}]
    first = importer.run(file_of(*lines))
    again = importer.run(file_of(*reversed(lines)))
    assert (again.entities, again.assignments) == (Tally(0, 0, 4), Tally(0, 0, 1))
    assert again.revision == first.revision
    assert revision(store) == 1


STANDING: list[dict[str, Json]] = [
    T1,
    user("x", clearance=1),
    user("y") | {"parents": ["legal"]},
    {"kind": "resource", "type": "Team", "id": "legal"},
    {"kind": "resource", "type": "Document", "id": "d"},
    ROLE,
    LINK | {"principal": {"type": "User", "id": "x"}},
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (user("x", clearance=2), "`User:x`"),
        (user("x"), "`User:x`"),
        (user("x", clearance=1) | {"parents": ["legal"]}, "`User:x`"),
        (user("y"), "`User:y`"),
        (ROLE | {"expires_at": "2030-01-01T00:00:00Z"}, "role `docs.auditor` of `User:x`"),
        (STANDING[-1] | {"expires_at": "2030-01-01T00:00:00Z"}, "relation `docs.collaborator` of `Document:d`"),
    ],
    ids=["another value", "no value", "one more parent", "no parent", "an assignment ends", "a relation ends"],
)
def test_what_stands_otherwise_is_refused_by_line_unless_the_import_may_change_it(
    importer: Importer, store: EntityStore, line: dict[str, Json], what: str
) -> None:
    importer.run(file_of(*STANDING))
    with pytest.raises(DataError) as failed:
        importer.run(file_of(T1, line))
    assert str(failed.value).startswith(f"line 2: {what} is there already, and says otherwise")
    assert revision(store) == 1
    done = importer.run(file_of(T1, line), CHANGING)
    assert [tally.changed for tally in (done.entities, done.assignments, done.relations)].count(1) == 1
    assert revision(store) == 2


def test_a_trial_counts_what_would_change_and_writes_nothing(importer: Importer, store: EntityStore) -> None:
    importer.run(file_of(*STANDING))
    lines = file_of(T1, user("x", clearance=5), user("z"), LINK | {"principal": {"type": "User", "id": "z"}})
    would = importer.run(lines, Asked(may_change=True, is_trial=True))
    assert (would.entities, would.relations) == (Tally(1, 1, 1), Tally(1, 0, 0))
    assert revision(store) == 1
    with store.snapshot(SCHEMA) as snapshot:
        assert Ref("User", "z") not in snapshot.rows([Ref("User", "z")])
    with pytest.raises(DataError, match=r"line 1: there is no `Folder:nowhere`"):
        importer.run(file_of(folder("f", "nowhere")), Asked(is_trial=True))


def test_a_cycle_that_a_file_makes_with_what_is_stored_is_refused(importer: Importer) -> None:
    importer.run(file_of(folder("a"), folder("b", "a"), folder("c", "b")))
    with pytest.raises(DataError, match=r"^line 1: `Folder:x` would be its own ancestor"):
        importer.run(file_of(folder("x", "c"), folder("a", "x")), CHANGING)
    # The way that the file takes away does not count: c over a, and b no more below a.
    importer.run(file_of(folder("a", "c"), folder("b")), CHANGING)


def test_a_file_that_makes_stored_ways_longer_than_allowed_is_refused(importer: Importer) -> None:
    importer.run(file_of(folder("f0"), *(folder(f"f{n}", f"f{n - 1}") for n in range(1, 17))))
    with pytest.raises(DataError, match=r"^line 2: the way up through `Folder:f0` is longer than 16 parents"):
        importer.run(file_of(folder("top"), folder("f0", "top")), CHANGING)


def test_who_may_not_give_roles_of_the_service_moves_nobody_in_or_out_of_what_holds_them(
    facts: Database, importer: Importer
) -> None:
    teams = (team("admins"), team("inner", "admins"), team("other"))
    importer.run(file_of(*teams, member("in", "inner")))
    Grants(facts).give(Ref("Team", "admins"), "admin", None)
    held = Asked(may_change=True, may_move_grants=False)
    for line in (member("new", "inner"), member("in")):
        with pytest.raises(DataError, match=r"line 2: `Team:inner` holds roles of this service, or is in what does"):
            importer.run(file_of(T1, line), held)
    importer.run(file_of(member("in", "inner"), member("new", "other"), T1), held)


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


def test_a_line_in_which_a_name_stands_twice_is_refused(importer: Importer) -> None:
    with pytest.raises(DataError, match=r"^line 2: the name `id` stands twice in one object"):
        importer.run(file_of(user("x"), orjson.dumps(T1).removesuffix(b"}") + b',"id":"t2"}'))


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


def test_progress_reaches_the_end_of_the_file(importer: Importer) -> None:
    told: list[int] = []
    file = file_of(*(user(f"u{number}", clearance=1) for number in range(2_500)))
    importer.run(file, listener=Listener(read=told.append))
    assert sum(told) == len(file.getvalue())


def test_of_large_lines_only_a_few_are_in_memory(importer: Importer) -> None:
    labels: list[Json] = [f"{number:03}{'x' * 1000}" for number in range(250)]
    document: dict[str, Json] = {"kind": "resource", "type": "Document", "attributes": {"labels": labels}}
    file = file_of(*(document | {"id": f"d{number}"} for number in range(40)))
    tracemalloc.start()
    try:
        importer.run(file, Asked(is_trial=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(file.getvalue()) / 2
