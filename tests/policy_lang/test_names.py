"""Every name means one thing: what is unknown, declared twice, shadowed or comes back to itself is refused."""

import pytest

from policy_lang.diagnostics import nearest_of
from policy_lang.limits import COMPARED_LENGTH
from policy_lang.loading import load
from policy_lang.schema import Origin, StoredRelation
from policy_lang.typed import HoldsRole
from tests.policy_lang.source_text import DECLARATIONS, bundle, codes, faults, rule


def test_an_attribute_knows_where_it_comes_from() -> None:
    types = bundle("").program.schema.types
    assert types["Service"].rows is Origin.CLAIM
    assert types["Service"].attributes["tenant"].claim == ("tid", "id")
    assert types["Route"].attributes["path"].origin is Origin.REQUEST
    assert types["Document"].attributes["intent"].origin is Origin.REQUEST
    assert types["Document"].attributes["level"].origin is Origin.STORE


def test_a_role_grants_all_that_the_roles_it_includes_grant() -> None:
    editor = bundle("").program.schema.roles["m.editor"]
    assert editor.included == {"m.editor", "m.viewer"}
    assert editor.grants == {"Document": {"read", "edit", "delete"}, "Folder": {"read"}}


def test_asking_for_a_role_asks_for_those_that_include_it() -> None:
    (clause,) = rule("rule r: allow read on Document to role viewer in resource.tenant").clauses
    assert isinstance(clause.condition, HoldsRole)
    assert clause.condition.roles == frozenset({"m.viewer", "m.editor"})


def test_relations_are_known_by_full_name_and_type() -> None:
    relations = bundle("relation collaborator on Folder: User").program.schema.relations
    assert relations["m.collaborator", "Folder"] == StoredRelation("m.collaborator", "Folder", ("User",))
    assert relations["m.collaborator", "Document"].subjects == ("User", "Team")


def test_a_group_stands_for_its_actions() -> None:
    assert rule("rule r: allow write on Document to anyone").actions == frozenset({"edit", "delete"})


def test_any_is_every_action_on_every_type_that_has_actions() -> None:
    rules = bundle("rule r: deny any on any").program.rules
    assert {type_: found[0].actions for type_, found in rules.items()} == {
        "Document": {"create", "read", "edit", "delete"},
        "Folder": {"read", "share"},
        "Route": {"call"},
    }


def test_granted_is_what_roles_grant() -> None:
    assert rule("rule r: allow granted on Document to role in resource.tenant").actions == {"read", "edit", "delete"}


def test_names_of_another_module_are_written_with_it() -> None:
    other = """
    module other
    let mine = m.same and resource.level == 1
    rule r: allow read on Document to m.owner, m.collaborator, role m.auditor when mine
    """
    texts = {"a": DECLARATIONS, "b": "module m\nlet same = principal.tenant == resource.tenant", "c": other}
    (found,) = load(texts).program.rules["Document"]
    assert found.id == "other.r"


def test_a_name_without_its_module_is_its_own_modules() -> None:
    with pytest.raises(Exception, match=r"unknown name `owner`(.|\n)*did you mean `m.owner`"):
        load({"a": DECLARATIONS, "b": "module other\nrule r: allow read on Document to owner"})


@pytest.mark.parametrize(
    ("condition", "help_"),
    [
        ("now < resource.retain_until", "did you mean `context.now`?"),
        ("mfa", "did you mean `context.mfa`?"),
        ("resource.folder == null", "whether a value is set is asked with `has`"),
    ],
)
def test_what_other_languages_know_by_itself_is_told_how_to_ask_for(condition: str, help_: str) -> None:
    (fault,) = faults(f"rule r: allow read on Document to anyone when {condition}")
    assert (fault.code, fault.help) == ("E201", help_)


def test_the_order_of_files_does_not_matter() -> None:
    text = "module m\nrule r: allow read on Document to owner when late\nlet late = resource.locked"
    one = load({"a": DECLARATIONS, "b": text}).program.rules
    two = load({"b": DECLARATIONS, "a": text}).program.rules
    assert [rule.clauses for rule in one["Document"]] == [rule.clauses for rule in two["Document"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("let a = a", "E212"),
        ("let a = b\nlet b = a\nrule r: allow read on Document to anyone when a", "E212"),
        ("relation r on Document = resource.locked and r", "E212"),
        ("role a includes b {}\nrole b includes a {}", "E212"),
        ("let viewer = true", "E211"),
        ("let public = true", "E211"),
        ("let User = true", "E211"),
        ("let size = 3", "E211"),
        ("let role = true", "E211"),
        ("rule r: allow read on Document to anyone when ownr", "E201"),
        ("rule r: allow read on Document to anyone when fixtur\nfixture fixtur = User \"u\"", "E201"),
        ("rule r: allow read on Document to anyone when auditor", "E201"),
        ("type Other in Nowhere {}", "E202"),
        ("rule r: allow read on Document to anyone when resource.missing == 1", "E203"),
        ("rule r: allow fly on Document to anyone", "E204"),
        ("group fast on Document = fly", "E204"),
        ("role pilot { Document: fly }", "E204"),
        ("rule r: allow read on Document to role pilot", "E205"),
        ("rule r: allow read on Folder to owner", "E206"),
        ("rule r: allow read on Document to gone of resource.folder", "E206"),
        ("rule r: allow read on Document to anyone when context.where == 1", "E214"),
        ("relation collaborator on Document: User", "E210"),
        ("relation owner on Document: User", "E210"),
        ("actions Document { read }", "E210"),
        ("type Thing { a: int, a: int }", "E210"),
        ("role global_one includes editor {}", "E309"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_names_is_refused(text: str, code: str) -> None:
    assert code in codes(text)


def test_a_fault_in_what_no_rule_uses_is_found_too() -> None:
    assert codes("let unused = resource.nothing == 1") == ["E203"]
    assert codes("relation unused on Folder = resource.nothing == 1") == ["E203"]


def test_what_no_rule_uses_may_fit_one_type_alone() -> None:
    assert codes("let secret = principal.clearance > 2 and resource.locked\nlet deep = resource.folder") == []


def test_a_fault_is_told_once_for_all_types() -> None:
    (fault,) = faults("rule r: deny any on any when principal.nothing == 1")
    assert fault.message == "unknown attribute `nothing` of `Service`"


def test_without_a_principal_type_nobody_may_ask() -> None:
    with pytest.raises(Exception, match="no type is a principal"):
        load({"a": "module m\ntype T {}\nactions T { read }\nrule r: allow read on T to anyone when principal.x == 1"})


def test_a_rule_whose_id_another_has_is_checked_too() -> None:
    doubled = "rule r: deny read on Document\nrule r: deny fly on Document when resource.nothing == 1"
    assert codes(doubled) == ["E210", "E204", "E203"]
    used = "template t(n: int): deny read on Document when resource.level > n and resource.nothing == n\n"
    assert codes(f"rule r: deny read on Document\n{used}use r: t(n: 1)") == ["E203", "E210"]


def test_a_text_that_is_longer_than_names_is_compared_with_none() -> None:
    longest = "a" * COMPARED_LENGTH

    assert nearest_of(longest, [longest]) == longest
    assert nearest_of(longest + "a", [longest]) == ""
