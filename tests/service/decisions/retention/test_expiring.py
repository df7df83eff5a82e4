"""What expired is reduced to its link under a signed note, what is held stays, and the chain holds across it."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_tables import chain_link, decision, decision_rule, log_note
from service.db.migration import migrate
from service.decisions.checkpoint_writing import CheckpointWriter
from service.decisions.retention.expiring import Expired, Expiry, Foreseen
from service.decisions.retention.holds import Hold, place
from service.decisions.retention.notes import Covered, NoteKind, WrittenNote, is_note_signed, read_note
from service.errors import AuditUnavailable
from service.retention_settings import RetentionSettings
from tests.service.decisions.chains import KEY, NORTH, SOUTH, found, insert_beside, tamper
from tests.service.decisions.retention.aged import BY, DAY, NOW, aged, expire, expiry, fill, settings

ALLOW, DENY = Effect.ALLOW, Effect.DENY
BY_EFFECT = settings(default="365d", rules=[{"effect": "allow", "keep": "30d"}])


def ids_of(database: Database) -> set[str]:
    """The records that are there."""
    with database.read() as connection:
        return set(connection.execute(select(decision.c.id)).scalars())


def notes_of(database: Database) -> list[WrittenNote]:
    """The notes that are there."""
    with database.read() as connection:
        return [read_note(line) for line in connection.execute(select(log_note.c.line)).scalars()]


def test_nothing_expires_where_nothing_is_configured(log_database: Database, tmp_path: Path) -> None:
    kept = fill(log_database, tmp_path, NORTH, [aged(10_000)])
    assert expire(log_database, RetentionSettings()) == Expired(0, 0, 0, is_whole=True)
    assert ids_of(log_database) == set(kept)
    assert RetentionSettings().keeps_everything


def test_an_expired_record_leaves_its_link_with_hashes_and_without_salt(log_database: Database, tmp_path: Path) -> None:
    gone, kept = fill(log_database, tmp_path, NORTH, [aged(31, ALLOW), aged(29, ALLOW)])
    with log_database.read() as connection:
        before = connection.execute(select(chain_link).order_by(chain_link.c.sequence)).all()
    assert expire(log_database, BY_EFFECT) == Expired(1, 1, 0, is_whole=True)
    with log_database.read() as connection:
        after = connection.execute(select(chain_link).order_by(chain_link.c.sequence)).all()
        rules = set(connection.execute(select(decision_rule.c.decision_id)).scalars())
    assert (ids_of(log_database), rules) == ({kept}, {kept})
    assert after[0] == (NORTH, 1, gone, b"", before[0].record_hash, before[0].chain_hash, 1)
    assert after[1] == before[1]


def test_the_chain_verifies_across_what_expired_and_the_checkpoints_prove_it(
    log_database: Database, tmp_path: Path
) -> None:
    records = [aged(400 - 20 * place, ALLOW if place % 3 else DENY) for place in range(20)]
    fill(log_database, tmp_path, NORTH, records)
    fill(log_database, tmp_path, SOUTH, [aged(1)])
    file = tmp_path / "checkpoints.jsonl"
    CheckpointWriter(log_database, file, KEY).write()
    expire(log_database, BY_EFFECT)
    report = found(log_database, file)
    north, south = report.chains
    assert (report.is_sound, report.notes, report.unsigned_notes) == (True, 2, 0)
    assert (north.links, north.sound, north.proven, north.expired, north.erased) == (20, 20, 20, 13, 0)
    assert (south.links, south.expired) == (1, 0)


def test_a_note_names_every_place_and_who_and_why(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path, NORTH, [aged(40, ALLOW), aged(39, DENY), aged(38, ALLOW), aged(37, ALLOW)])
    fill(log_database, tmp_path, SOUTH, [aged(3, ALLOW), aged(40, ALLOW)])
    told: list[WrittenNote] = []
    expiry(log_database, BY_EFFECT, told).expire(Event(), NOW)
    (note,) = notes_of(log_database)
    with log_database.read() as connection:
        hashes = {(row.replica, row.sequence): row.chain_hash for row in connection.execute(select(chain_link))}
    content = note.content
    assert (content.number, content.time, content.previous) == (1, NOW, "")
    assert (content.kind, content.by) == (NoteKind.EXPIRED, BY)
    assert content.reason == "allow of all, kept 30d"
    assert content.chains == (
        Covered(NORTH, ((1, 1), (3, 4)), hashes[NORTH, 4]),
        Covered(SOUTH, ((2, 2),), hashes[SOUTH, 2]),
    )
    assert is_note_signed(note, (KEY.public_key(),))
    assert told == [note]


SPECIFIC = settings(
    default="100d",
    rules=[
        {"effect": "allow", "keep": "10d"},
        {"tenant": "Tenant:acme", "keep": "50d"},
        {"tenant": "Tenant:acme", "effect": "deny", "keep": "forever"},
        {"tenant": "Tenant:shop", "effect": "deny", "keep": "20d"},
    ],
)


@pytest.mark.parametrize(
    ("tenant", "effect", "days"),
    [
        ("t1", DENY, 100),
        ("t1", ALLOW, 10),
        ("acme", ALLOW, 50),
        ("acme", DENY, None),
        ("shop", ALLOW, 10),
        ("shop", DENY, 20),
    ],
    ids=["default", "effect", "tenant", "for ever", "tenant without that effect", "tenant and effect"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_most_specific_rule_says_how_long(
    log_database: Database, tmp_path: Path, tenant: str, effect: Effect, days: int | None
) -> None:
    ages = (10_000,) if days is None else (days - 0.01, days + 0.01)
    ids = fill(log_database, tmp_path, NORTH, [aged(age, effect, tenant=tenant) for age in ages])
    expire(log_database, SPECIFIC)
    assert ids_of(log_database) == {ids[0]}


def test_records_without_a_tenant_are_of_all_others(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path, NORTH, [replace(aged(101), tenant=None)])
    expire(log_database, SPECIFIC)
    assert ids_of(log_database) == set()


def test_acts_on_the_service_are_kept_by_a_setting_of_their_own(log_database: Database, tmp_path: Path) -> None:
    acts = [replace(aged(days, ALLOW), action="magistrate.policy.push") for days in (800, 600)]
    old, new, _ = fill(log_database, tmp_path, NORTH, [*acts, aged(500, ALLOW)])
    expire(log_database, BY_EFFECT)
    assert ids_of(log_database) == {old, new}
    expire(log_database, settings(acts="700d"))
    assert ids_of(log_database) == {new}


HOLDS = {
    "its principal": {"principal": Ref("User", "alice")},
    "its principal as caller": {"principal": Ref("magistrate.Service", "documents")},
    "its resource": {"resource": Ref("Document", "d1")},
    "its tenant": {"tenant": Ref("Tenant", "t1")},
    "its time": {"since": NOW - 41 * DAY, "until": NOW - 39 * DAY},
    "all of these": {"principal": Ref("User", "alice"), "tenant": Ref("Tenant", "t1"), "until": NOW},
}
LOOSE = {
    "another principal": {"principal": Ref("User", "bob")},
    "another type": {"principal": Ref("Robot", "alice")},
    "another resource": {"resource": Ref("Document", "d2")},
    "another tenant": {"tenant": Ref("Tenant", "t2")},
    "a time before": {"until": NOW - 40 * DAY},
    "a time after": {"since": NOW - 39 * DAY},
    "one of two": {"principal": Ref("User", "alice"), "tenant": Ref("Tenant", "t2")},
}


@pytest.mark.parametrize(
    ("said", "is_held"),
    [*((said, True) for said in HOLDS.values()), *((said, False) for said in LOOSE.values())],
    ids=[*HOLDS, *LOOSE],
)
def test_what_is_held_does_not_expire(
    log_database: Database, tmp_path: Path, said: dict[str, Ref | int], is_held: bool
) -> None:
    (held,) = fill(log_database, tmp_path, NORTH, [aged(40, ALLOW)])
    with log_database.write() as connection:
        place(connection, Hold("case", "a suit", "operator:bob", NOW, **said))  # type: ignore[arg-type]
    assert expire(log_database, BY_EFFECT).records == (0 if is_held else 1)
    assert ids_of(log_database) == ({held} if is_held else set())


def test_a_hold_by_tenant_leaves_what_has_none(log_database: Database, tmp_path: Path) -> None:
    fill(log_database, tmp_path, NORTH, [replace(aged(40, ALLOW), tenant=None)])
    with log_database.write() as connection:
        place(connection, Hold("case", "a suit", "operator:bob", NOW, tenant=Ref("Tenant", "t1")))
    assert expire(log_database, BY_EFFECT).records == 1


def test_what_would_go_is_foreseen_and_stays(log_database: Database, tmp_path: Path) -> None:
    records = [aged(40, ALLOW), aged(40, ALLOW, principal="bob"), aged(400), aged(1)]
    ids = fill(log_database, tmp_path, NORTH, records)
    with log_database.write() as connection:
        place(connection, Hold("case", "a suit", "operator:bob", NOW, principal=Ref("User", "bob")))
    allows, denies = expiry(log_database, BY_EFFECT).foresee(NOW)
    assert (allows, denies) == (Foreseen(allows.stretch, 1, 1), Foreseen(denies.stretch, 1, 0))
    assert (allows.stretch.name, denies.stretch.name) == ("allow of all", "deny of all")
    assert ids_of(log_database) == set(ids)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decision SET code = 'NO_MATCH' WHERE id = '{id}'",
        "UPDATE decision SET body = replace(body, 'alice', 'carol') WHERE id = '{id}'",
        "DELETE FROM decision_rule WHERE decision_id = '{id}'",
    ],
    ids=["a column", "the body", "the rules"],
)
def test_what_does_not_fit_its_link_stays_and_still_shows(
    log_database: Database, tmp_path: Path, statement: str
) -> None:
    changed, _ = fill(log_database, tmp_path, NORTH, [aged(40, ALLOW), aged(40, ALLOW)])
    tamper(log_database, statement.format(id=changed))
    assert expire(log_database, BY_EFFECT) == Expired(1, 1, 1, is_whole=True)
    assert ids_of(log_database) == {changed}
    (fault,) = found(log_database).chains[0].faults
    assert (fault.kind.value, fault.id) == ("changed", changed)


def test_a_record_that_was_put_in_stays_and_still_shows(log_database: Database, tmp_path: Path) -> None:
    forged = aged(40, ALLOW)
    insert_beside(log_database, forged)
    assert expire(log_database, BY_EFFECT) == Expired(0, 0, 1, is_whole=True)
    assert [fault.id for fault in found(log_database).faults if fault.id] == [forged.id]


def test_records_from_before_the_chains_expire_under_a_note_too(log_database: Database, tmp_path: Path) -> None:
    old, older = aged(40, ALLOW), aged(50, ALLOW)
    for record in (older, old):
        insert_beside(log_database, record)
    tamper(log_database, f"UPDATE chain_origin SET records = 2, last_id = '{old.id}'")
    fill(log_database, tmp_path, NORTH, [aged(1)])
    assert found(log_database).unchained == 2
    assert expire(log_database, BY_EFFECT).records == 2
    report = found(log_database)
    assert (report.is_sound, report.unchained, notes_of(log_database)[0].content.unchained) == (True, 0, 2)
    tamper(log_database, "DELETE FROM log_note")
    assert [fault.kind.value for fault in found(log_database).faults] == ["removed"]


def test_many_go_in_steps_of_which_each_is_under_its_note(
    log_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.decisions.retention.expiring.STEP", 10)
    fill(log_database, tmp_path, NORTH, [aged(40, ALLOW) for _ in range(21)])
    assert expire(log_database, BY_EFFECT) == Expired(21, 3, 0, is_whole=True)
    report = found(log_database)
    assert (report.is_sound, report.notes, report.chains[0].expired) == (True, 3, 21)


def test_what_cannot_be_recorded_is_not_taken_out(log_database: Database, tmp_path: Path) -> None:
    kept = fill(log_database, tmp_path, NORTH, [aged(40, ALLOW)])

    def refuse(_: WrittenNote) -> None:
        raise AuditUnavailable("full")

    with pytest.raises(AuditUnavailable):
        Expiry(log_database, BY_EFFECT, KEY, BY, refuse).expire(Event(), NOW)
    assert ids_of(log_database) == set(kept)
    assert notes_of(log_database) == []


def test_a_pass_leaves_off_where_another_replica_is_at_it(postgresql: Database, tmp_path: Path) -> None:
    migrate(postgresql, "log")
    fill(postgresql, tmp_path, NORTH, [aged(40, ALLOW)])
    with postgresql.write() as connection:
        assert postgresql.has_turn(connection, 0x6D61_6769_0005)
        assert expire(postgresql, BY_EFFECT) == Expired(0, 0, 0, is_whole=False)
    assert expire(postgresql, BY_EFFECT) == Expired(1, 1, 0, is_whole=True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"default": "90"}, "expected a duration"),
        ({"default": 90}, "expected a length of time such as `90d`, or `forever`"),
        ({"default": "23h"}, "records are kept for a day at least"),
        ({"rules": [{"keep": "1d"}]}, "give effect or tenant"),
        ({"rules": [{"tenant": "acme", "keep": "1d"}]}, "pattern"),
        ({"rules": [{"effect": "maybe", "keep": "1d"}]}, "'allow' or 'deny'"),
        ({"rules": [{"effect": "deny", "keep": "1d"}, {"effect": "deny", "keep": "2d"}]}, "same tenant and effect"),
        ({"keep": "1d"}, "Extra inputs"),
    ],
    ids=["no unit", "no text", "too short", "of nothing", "no reference", "no effect", "twice", "unknown"],
)
def test_settings_that_mean_nothing_are_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**said)
