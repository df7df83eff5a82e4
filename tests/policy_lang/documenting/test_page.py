"""The page of a bundle says who may do what, in one order, and text of policies is never markup."""

from pathlib import Path

import pytest

from policy_lang import loading
from policy_lang.documenting.markdown import code, plain
from policy_lang.documenting.page import page

DOCUMENTS = Path(__file__).resolve().parents[3] / "examples" / "documents"

POLICY = r"""
module m
principal type User { level: int, pay: int? sensitive }
type Doc { kind: enum(memo, plan) }
actions Doc { new make, read, drop, burn }
group end on Doc = drop, burn
role reader { Doc: read }
role editor includes reader { Doc: make }
relation watcher on Doc: User
relation small on Doc = resource.kind == memo
let senior = principal.level > 3
rule by_role: allow granted on Doc to role reader
rule seniors: allow read on Doc to small when senior unless resource.kind == plan
rule no: deny drop on Doc when not senior reason "ask [a](http://b) | `senior` <b>\nnow" code TOO_LOW hide
  oblige tell(whom: "*", level: principal.level)
shadow rule soon: deny read on Doc when resource.kind == plan
test "a | b" {
  principal User "ann*" { level: 1 }
  resource Doc "d" { kind: memo }
  context { now: 2026-01-05T10:00:00Z }
  expect deny drop by no code TOO_LOW oblige tell
}
""".replace("granted on Doc to role reader", "read, make on Doc to role reader")


def lines(text: str = POLICY) -> list[str]:
    return page(loading.load({"m.policy": text})).splitlines()


def test_the_page_of_the_documents_example_is_the_one_that_is_kept() -> None:
    assert page(loading.load_folder(DOCUMENTS / "policies")) == (DOCUMENTS / "POLICIES.md").read_text()


def test_a_rule_is_a_sentence_with_all_that_it_says() -> None:
    assert "- `m.seniors`: allowed to `small`, if `senior`, unless `resource.kind == plan`." in lines()
    assert (
        r"- `m.no`: denied to anyone, if `not senior`. Because ask \[a\](http://b) \| \`senior\` \<b\> now. "
        "Code `TOO_LOW`. The resource is hidden: the caller should answer “not found”. "
        'Obliges to `tell(level: principal.level, whom: "*")`.'
    ) in lines()


def test_actions_with_the_same_rules_stand_together_and_nobody_is_said() -> None:
    found = lines()
    assert [line for line in found if line.startswith("####")] == [
        "#### `make` (makes it)",
        "#### `read`",
        "#### `drop`",
        "#### `burn`",
    ]
    at = found.index("#### `burn`")
    assert found[at + 2] == "Nobody may."


def test_shadow_rules_stand_apart() -> None:
    found = lines()
    at = found.index("Only recorded, as if they counted:")
    assert found[at + 2] == "- `m.soon`: denied to anyone, if `resource.kind == plan`."


def test_the_matrix_says_through_which_role_an_action_is_granted() -> None:
    found = lines()
    at = found.index("### Roles × actions on `Doc`")
    assert found[at + 2 : at + 6] == [
        "| role | `make` | `read` | `drop` | `burn` |",
        "|---|---|---|---|---|",
        "| `m.editor` | yes | by `m.reader` |  |  |",
        "| `m.reader` |  | yes |  |  |",
    ]
    assert "No rule allows what is `granted`: roles count only where rules name them." in found


def test_what_is_sensitive_is_marked_and_sources_are_said() -> None:
    found = lines()
    assert "| `pay` (sensitive) | `int` | may be left out | the store |" in found
    assert "| `m.small` | `Doc` | where `resource.kind == memo` |" in found
    assert "| `m.watcher` | `Doc` | rows that lead to `User` |" in found
    assert "| `m.senior` | `principal.level > 3` |" in found
    assert "| `end` | `Doc` | `drop`, `burn` |" in found


def test_tests_are_examples() -> None:
    assert r"| a \| b | `User:ann*` | `Doc:d` | deny `drop` by `m.no`, code `TOO_LOW`, obliges to `tell` |" in lines()


def test_the_order_of_files_and_statements_does_not_matter() -> None:
    head, *rest = POLICY.split("\nrule ")
    shuffled = "\nrule ".join([head, *reversed(rest[:2]), *rest[2:]])
    assert lines(shuffled) == lines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a\n b", "`a b`"), ("a|b", "`a\\|b`"), ("a\x1b[2J", "`a\ufffd[2J`")],
)  # fmt: skip
def test_a_code_span_holds_any_text(text: str, expected: str) -> None:
    assert code(text) == expected


def test_plain_text_is_never_markup() -> None:
    assert plain("*a* _b_ [c](d) <e> `f` #g & h\ni|j\\") == r"\*a\* \_b\_ \[c\](d) \<e\> \`f\` \#g \& h i\|j\\"
