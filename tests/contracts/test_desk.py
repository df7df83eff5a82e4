"""The desk hands work of one kind to one replica, in its order, and keeps the outcome until it is fetched."""

from sqlalchemy import update

from service.db.engine import Database
from service.db.facts_tables import errand
from service.desk import ASKED_MS, KEPT_MS, Desk


def test_work_is_done_in_its_order_and_by_nobody_else(facts: Database) -> None:
    ours, theirs, other = Desk(facts, "r1", "sums"), Desk(facts, "r2", "sums"), Desk(facts, "r1", "songs")
    first, second = ours.ask("1 + 1"), ours.ask("2 + 2")
    assert (theirs.next(), other.next()) == (None, None)
    seen = []
    while (asked := ours.next()) is not None:
        seen.append((asked.id, asked.question))
        ours.answer(asked.id, f"{asked.question} is done")
    assert seen == [(first, "1 + 1"), (second, "2 + 2")]
    assert (ours.find(first), ours.find(second)) == ("1 + 1 is done", "2 + 2 is done")


def test_what_nobody_waits_for_is_gone(facts: Database) -> None:
    desk = Desk(facts, "r1", "sums")
    id_ = desk.ask("1 + 1")
    assert desk.is_wanted(id_)
    desk.clear(id_)
    assert (desk.is_wanted(id_), desk.next(), desk.find(id_)) == (False, None, None)
    desk.answer(id_, "2")
    assert desk.find(id_) is None


def test_work_that_takes_long_is_wanted_all_the_while_and_its_outcome_kept_from_when_it_came(facts: Database) -> None:
    desk = Desk(facts, "r1", "sums")
    id_ = desk.ask("1 + 1")
    _age(facts, id_, KEPT_MS + 1)
    desk.ask("2 + 2")
    assert desk.is_wanted(id_)
    desk.answer(id_, "2")
    desk.ask("3 + 3")
    assert desk.find(id_) == "2"


def test_what_was_left_lying_is_cleared_away(facts: Database) -> None:
    desk = Desk(facts, "r1", "sums")
    answered, asked = desk.ask("1 + 1"), desk.ask("2 + 2")
    desk.answer(answered, "2")
    _age(facts, answered, KEPT_MS + 1)
    _age(facts, asked, ASKED_MS + 1)
    desk.ask("3 + 3")
    assert (desk.find(answered), desk.is_wanted(asked)) == (None, False)


def _age(facts: Database, id_: str, by: int) -> None:
    with facts.write() as connection:
        connection.execute(update(errand).where(errand.c.id == id_).values(asked_at=errand.c.asked_at - by))
