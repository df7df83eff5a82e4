"""Whatever is done to the log behind the service's back shows, or is said to show by a checkpoint alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from service.db.engine import Database
from service.decisions.payload import stored
from service.decisions.rows import decision_row
from tests.service.decisions.chains import (
    CHAINS,
    LENGTH,
    NORTH,
    chain_anew,
    faults_of,
    fill,
    found,
    id_at,
    insert_beside,
    tamper,
)
from tests.service.decisions.records import sample

PLACE = 3
"""The place in the chain of NORTH that is tampered with: {id} in statements is the id there, {next} the next one."""

COLUMNS = [name for name in decision_row(stored(sample())) if name != "id"]
"""Of `decision`; a changed id makes another record of it, so that one is a case of its own."""
WHOLE_NUMBERS = {"time", "duration_us", "unenforced"}

RENUMBER = (
    "UPDATE chain_link SET sequence = -(sequence - 1) WHERE replica = 'north' AND sequence > 3",
    "UPDATE chain_link SET sequence = -sequence WHERE sequence < 0",
    "UPDATE chain_head SET sequence = sequence - 1 WHERE replica = 'north'",
)
CASES = {
    "delete a record": (
        ["DELETE FROM decision WHERE id = '{id}'"],
        ("removed", NORTH, 3),
    ),
    "delete a record and its link": (
        ["DELETE FROM decision WHERE id = '{id}'", "DELETE FROM chain_link WHERE decision_id = '{id}'"],
        ("removed", NORTH, 3),
    ),
    "delete a record and close the gap": (
        [
            "DELETE FROM decision WHERE id = '{id}'",
            "DELETE FROM chain_link WHERE decision_id = '{id}'",
            *RENUMBER,
        ],
        ("broken", NORTH, 3),
    ),
    "change the id of a record": (
        ["UPDATE decision SET id = '01890a5d-ac96-774b-bcce-b302099a8057' WHERE id = '{id}'"],
        ("removed", NORTH, 3),
    ),
    "decide a body otherwise": (
        ["""UPDATE decision SET body = replace(body, '"effect":"deny"', '"effect":"allow"') WHERE id = '{id}'"""],
        ("changed", NORTH, 3),
    ),
    "take a rule from a record": (
        ["DELETE FROM decision_rule WHERE decision_id = '{id}' AND rule = 'docs.editors_edit'"],
        ("changed", NORTH, 3),
    ),
    "take a missing input from a record": (
        ["DELETE FROM decision_missing WHERE decision_id = '{id}' AND path = 'context.mfa'"],
        ("changed", NORTH, 3),
    ),
    "change by which value a record is found": (
        ["UPDATE decision_attribute SET value = 'c' WHERE decision_id = '{id}' AND value = 'b'"],
        ("changed", NORTH, 3),
    ),
    "give a rule to a record": (
        ["INSERT INTO decision_rule (rule, decision_id) VALUES ('docs.another', '{id}')"],
        ("changed", NORTH, 3),
    ),
    "give a record the body of another": (
        [
            "UPDATE decision SET body = (SELECT body FROM decision WHERE id = '{next}') WHERE id = '{id}'",
        ],
        ("changed", NORTH, 3),
    ),
    "swap two records": (
        [
            "UPDATE chain_link SET sequence = -1 WHERE decision_id = '{id}'",
            "UPDATE chain_link SET sequence = 3 WHERE decision_id = '{next}'",
            "UPDATE chain_link SET sequence = 4 WHERE decision_id = '{id}'",
        ],
        ("broken", NORTH, 3),
    ),
    "move a record to another chain": (
        ["UPDATE chain_link SET replica = 'south', sequence = 13 WHERE decision_id = '{id}'"],
        ("removed", NORTH, 3),
    ),
    "change a salt": (
        ["UPDATE chain_link SET salt = record_hash WHERE decision_id = '{id}'"],
        ("changed", NORTH, 3),
    ),
    "change the hash of a record": (
        ["UPDATE chain_link SET record_hash = salt WHERE decision_id = '{id}'"],
        ("changed", NORTH, 3),
    ),
    "change the hash of a link": (
        ["UPDATE chain_link SET chain_hash = record_hash WHERE decision_id = '{id}'"],
        ("broken", NORTH, 3),
    ),
    "truncate the head": (
        [
            "DELETE FROM decision WHERE id IN (SELECT decision_id FROM chain_link WHERE replica = 'north'"
            " AND sequence < 4)",
            "DELETE FROM chain_link WHERE replica = 'north' AND sequence < 4",
        ],
        ("removed", NORTH, 1),
    ),
    "truncate the tail": (
        [
            "DELETE FROM decision WHERE id IN (SELECT decision_id FROM chain_link WHERE replica = 'north'"
            " AND sequence > 9)",
            "DELETE FROM chain_link WHERE replica = 'north' AND sequence > 9",
        ],
        ("truncated", NORTH, 10),
    ),
    "delete a chain's links": (
        ["DELETE FROM chain_link WHERE replica = 'north'"],
        ("truncated", NORTH, 1),
    ),
    "delete a chain's head": (
        ["DELETE FROM chain_head WHERE replica = 'north'"],
        ("dropped", NORTH, 1),
    ),
    "change a chain's head": (
        [
            "UPDATE chain_head SET hash = (SELECT chain_hash FROM chain_link WHERE decision_id = '{id}')"
            " WHERE replica = 'north'"
        ],
        ("broken", NORTH, 12),
    ),
    "take a head back by one": (
        ["UPDATE chain_head SET sequence = 11 WHERE replica = 'north'"],
        ("broken", NORTH, 11),
    ),
    "change the note of what was before the chains": (
        ["UPDATE chain_origin SET records = 5"],
        ("changed", None, None),
    ),
}  # fmt: skip

CUT = (
    "DELETE FROM decision WHERE id IN (SELECT decision_id FROM chain_link WHERE replica = 'north' AND sequence > 9)",
    "DELETE FROM chain_link WHERE replica = 'north' AND sequence > 9",
    "UPDATE chain_head SET sequence = 9, hash = (SELECT chain_hash FROM chain_link WHERE replica = 'north' AND"
    " sequence = 9) WHERE replica = 'north'",
)
DROP = (
    "DELETE FROM decision WHERE id IN (SELECT decision_id FROM chain_link WHERE replica = 'north')",
    "DELETE FROM chain_link WHERE replica = 'north'",
    "DELETE FROM chain_head WHERE replica = 'north'",
)
BURN = "DELETE FROM checkpoint"

CAROL = "UPDATE decision SET body = replace(body, 'alice', 'carol'), principal_id = 'carol'"

REMADE = {
    "a tail cut with its head": (CUT, None, ("truncated", NORTH, 10)),
    "a chain dropped with its head": (DROP, None, ("dropped", NORTH, 1)),
    "a range computed anew": ((CAROL,), 8, ("replaced", NORTH, 7)),
    "a chain computed anew": ((CAROL,), 1, ("replaced", NORTH, 1)),
}  # fmt: skip
"""Statements, from where the chain is computed anew, and what a checkpoint shows; each chain by itself is sound."""


def do(database: Database, statements: list[str] | tuple[str, ...]) -> None:
    """Runs the statements of a case."""
    ids = {"id": id_at(database, NORTH, PLACE), "next": id_at(database, NORTH, PLACE + 1)}
    tamper(database, *(statement.format_map(ids) for statement in statements))


def remake(database: Database, case: str) -> None:
    """Does what only a checkpoint can show."""
    statements, first, _ = REMADE[case]
    if first is None:
        tamper(database, *statements)
        return
    victims = ", ".join(f"'{id_at(database, NORTH, place)}'" for place in range(first, LENGTH + 1))
    tamper(
        database,
        *(f"{statement} WHERE id IN ({victims})" for statement in statements),
    )
    chain_anew(database, NORTH, first)


def test_a_log_as_it_was_written_is_sound_and_proven_to_its_end(log_database: Database, tmp_path: Path) -> None:
    report = found(log_database, fill(log_database, tmp_path))
    assert report.is_sound
    assert [(chain.replica, chain.links, chain.proven, chain.proven_by) for chain in report.chains] == [
        (replica, LENGTH, LENGTH, 2) for replica in CHAINS
    ]


@pytest.mark.parametrize("case", CASES)
def test_tampering_shows_at_the_first_bad_record_without_any_file(
    log_database: Database, tmp_path: Path, case: str
) -> None:
    fill(log_database, tmp_path)
    statements, first = CASES[case]
    do(log_database, statements)
    report = found(log_database)
    assert faults_of(report)[0] == first
    assert not report.is_sound


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_names_the_record(log_database: Database, tmp_path: Path, column: str) -> None:
    fill(log_database, tmp_path)
    changed = f"coalesce({column}, 0) + 1" if column in WHOLE_NUMBERS else f"coalesce({column}, '') || 'x'"
    do(log_database, [f"UPDATE decision SET {column} = {changed} WHERE id = '{{id}}'"])
    north, south, west = found(log_database).chains
    (fault,) = north.faults
    assert (fault.sequence, fault.id) == (PLACE, id_at(log_database, NORTH, PLACE))
    assert "body" in fault.text if column == "body" else f"`{column}`" in fault.text
    assert (north.sound, north.proven, south.proven, west.proven) == (PLACE - 1, 0, LENGTH, LENGTH)


def test_a_record_put_in_without_a_link_is_named(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    forged = replace(sample(), effect=Effect.ALLOW)
    insert_beside(log_database, forged)
    (fault,) = (fault for fault in found(log_database).faults if fault.id is not None)
    assert (fault.kind.value, fault.id) == ("inserted", forged.id)


def test_a_record_put_between_two_breaks_the_chain_there(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path)
    forged = replace(sample(), rules=())
    insert_beside(log_database, forged)
    tamper(
        log_database,
        "UPDATE chain_link SET sequence = -(sequence + 1) WHERE replica = 'north' AND sequence > 3",
        "UPDATE chain_link SET sequence = -sequence WHERE sequence < 0",
        "UPDATE chain_head SET sequence = sequence + 1 WHERE replica = 'north'",
        "INSERT INTO chain_link (replica, sequence, decision_id, salt, record_hash, chain_hash)"
        f" SELECT replica, 4, '{forged.id}', salt, record_hash, chain_hash FROM chain_link"
        " WHERE replica = 'north' AND sequence = 3",
    )
    north, _, _ = found(log_database).chains
    assert {(fault.kind.value, fault.sequence, fault.id) for fault in north.faults[:2]} == {
        ("changed", 4, forged.id),
        ("broken", 4, forged.id),
    }


@pytest.mark.parametrize("case", REMADE)
def test_what_agrees_with_itself_is_shown_by_a_checkpoint(log_database: Database, tmp_path: Path, case: str) -> None:
    fill(log_database, tmp_path)
    remake(log_database, case)
    assert faults_of(found(log_database))[0] == REMADE[case][2]


@pytest.mark.parametrize("case", REMADE)
def test_what_agrees_with_itself_does_not_show_without_a_checkpoint(
    log_database: Database, tmp_path: Path, case: str
) -> None:
    fill(log_database, tmp_path)
    remake(log_database, case)
    tamper(log_database, BURN)
    report = found(log_database)
    assert report.is_sound
    assert report.last_checkpoint is None
    assert {chain.proven for chain in report.chains} == {0}


@pytest.mark.parametrize("case", REMADE)
def test_burnt_checkpoints_stand_in_the_file(log_database: Database, tmp_path: Path, case: str) -> None:
    file = fill(log_database, tmp_path)
    remake(log_database, case)
    tamper(log_database, BURN)
    faults = faults_of(found(log_database, file))
    assert REMADE[case][2] in faults
    assert faults.count(("checkpoint", None, None)) == 2
