"""Lists of facts come in full pages, of one tenant too, filtered, and go on where they ended."""

from collections.abc import Iterator, Sequence

import pytest

from policy_lang.facts import Link
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.entities.filters import Comparison, Filter
from service.errors import InvalidRequest, PermissionDenied
from service.model import Caller
from tests.service.entities.firm import Firm, build_firm, caller

T1 = Ref("Tenant", "t1")
ROOT, CHIEF = caller("root"), caller("chief")
DOC1, DOC2 = Ref("Doc", "doc-t1"), Ref("Doc", "doc-t2")
USER1, TEAM1 = Ref("User", "member-t1"), Ref("Team", "team-t1")
HIGH = Filter("level", Comparison.GREATER_OR_EQUAL, 5)


@pytest.fixture
def firm(database: Database) -> Firm:
    """The firm with twelve more documents, of two tenants in turn."""
    built = build_firm(database)
    for number in range(12):
        attributes: Json = {"tenant": f"t{number % 2 + 1}", "level": number}
        built.writes.put(ROOT, Ref("Doc", f"n{number:02}"), attributes, None)
    return built


def pages(firm: Firm, who: Caller, tenant: Ref | None, filters: Sequence[Filter] = ()) -> Iterator[list[str]]:
    after = None
    while True:
        page = firm.reads.page(who, "Doc", tenant=tenant, filters=filters, limit=3, after=after)
        yield [str(form["id"]) for form in page.forms]
        if (after := page.next_after) is None:
            return


def test_every_page_of_a_tenant_but_the_last_is_full(firm: Firm) -> None:
    assert list(pages(firm, CHIEF, T1)) == [["doc-t1", "n00", "n02"], ["n04", "n06", "n08"], ["n10"]]


def test_filters_and_the_tenant_hold_together_and_pages_stay_full(firm: Firm) -> None:
    assert list(pages(firm, CHIEF, T1, [HIGH])) == [["n06", "n08", "n10"]]
    assert list(pages(firm, ROOT, None, [HIGH])) == [["n05", "n06", "n07"], ["n08", "n09", "n10"], ["n11"]]


def test_the_record_names_what_was_filtered_by_and_no_value(firm: Firm) -> None:
    firm.reads.page(CHIEF, "User", tenant=T1, filters=[Filter("secret", Comparison.EQUAL, "x")], limit=3, after=None)
    assert firm.records[-1].inputs == {"read": "list", "filters": ["secret =="]}


def test_a_faulty_filter_is_told_to_those_who_may_list_alone(firm: Firm) -> None:
    wrong = [Filter("levle", Comparison.SET)]
    with pytest.raises(InvalidRequest):
        firm.reads.page(CHIEF, "Doc", tenant=T1, filters=wrong, limit=3, after=None)
    before = len(firm.records)
    with pytest.raises(PermissionDenied):
        firm.reads.page(caller("pep"), "Doc", filters=wrong, limit=3, after=None)
    assert len(firm.records) == before + 1


def test_relations_are_listed_by_resource_relation_and_subject_in_pages(firm: Firm) -> None:
    ends = [(DOC1, TEAM1), (DOC1, USER1), (Ref("Doc", "n00"), USER1), (DOC2, USER1)]
    links = [Link(resource, "firm.friend", subject, None) for resource, subject in ends]
    links[1] = links[1]._replace(expires_at=1)
    firm.writes.write_relations(ROOT, links, [])

    def found(resource: Ref | None = None, relation: str | None = None, subject: Ref | None = None) -> list[Link]:
        kept: list[Link] = []
        after: tuple[str, ...] | None = None
        while True:
            page = firm.reads.relations(
                ROOT, resource=resource, relation=relation, subject=subject, limit=1, after=after
            )
            kept += page.found
            if (after := page.next_after) is None:
                return kept

    assert found() == [links[0], links[1], links[3], links[2]]
    assert found(resource=DOC1) == links[:2]
    assert found(subject=USER1) == [links[1], links[3], links[2]]
    assert found(resource=DOC1, relation="firm.friend", subject=USER1) == [links[1]]
    assert found(relation="firm.enemy") == []
