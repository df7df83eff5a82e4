"""Text becomes a tree, every fault of a file is told, and no depth or length of text ends in anything else."""

import pytest

from policy_lang.limits import FILE_LIMIT, LIST_LIMIT, NESTING_LIMIT
from policy_lang.source import SourceFile
from policy_lang.syntax import ast
from policy_lang.syntax.parser import Parsed, parse
from policy_lang.syntax.statements import Let, Rule, TypeDeclaration
from policy_lang.values import Ip, Network


def parsed(text: str) -> Parsed:
    return parse(SourceFile("t.policy", f"module t\n{text}"))


def body(text: str) -> ast.Expression:
    tree = parsed(f"let x = {text}").tree
    assert tree is not None
    (let,) = tree.statements
    assert isinstance(let, Let)
    return let.body


def codes(text: str) -> list[str]:
    return [fault.code for fault in parsed(text).faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("-5", -5),
        ('"a \\"b\\" \\u0041\\n"', 'a "b" A\n'),
        ("15m", 900_000),
        ("1h30m", 5_400_000),
        ("-250ms", -250),
        ("2026-01-05T10:00:00Z", 1_767_607_200_000),
        ("2026-01-05T10:00:00.5+02:00", 1_767_600_000_500),
        ("10.1.2.3", Ip.parse("10.1.2.3")),
        ("::1", Ip.parse("::1")),
        ("2001:db8::1", Ip.parse("2001:db8::1")),
        ("::ffff:10.1.2.3", Ip.parse("10.1.2.3")),
        ("1:2:3:4:5:6:7:8", Ip.parse("1:2:3:4:5:6:7:8")),
        ("10.0.0.0/8", Network.parse("10.0.0.0/8")),
        ("fc00::/7", Network.parse("fc00::/7")),
        ("::/0", Network.parse("::/0")),
    ],
)
def test_a_literal_has_the_value_that_its_form_gives(text: str, value: object) -> None:
    found = body(text)
    assert isinstance(found, ast.Literal)
    assert found.value == value


def test_a_span_is_that_of_the_exact_text() -> None:
    found = body("a.b == c and not (d in 1..3)")
    assert isinstance(found, ast.And)
    left, right = found.items
    assert left.span.text == "a.b == c"
    assert isinstance(right, ast.Not)
    assert right.item.span.text == "(d in 1..3)"


def test_not_binds_its_comparison_and_default_its_path() -> None:
    found = body("not a ?? b == c")
    assert isinstance(found, ast.Not)
    assert isinstance(found.item, ast.Compare)
    assert isinstance(found.item.left, ast.Coalesce)


def test_not_in_is_the_negation_of_in() -> None:
    found = body("a not in b")
    assert isinstance(found, ast.Not)
    assert isinstance(found.item, ast.In)


def test_words_of_the_language_may_name_attributes() -> None:
    tree = parsed("type T { rule: int, role: string, in: bool, to: int, }\nlet x = resource.role == resource.in").tree
    assert tree is not None
    declared = tree.statements[0]
    assert isinstance(declared, TypeDeclaration)
    assert [attribute.name.text for attribute in declared.attributes] == ["rule", "role", "in", "to"]


def test_clauses_stand_in_any_order() -> None:
    tree = parsed('rule r: deny any on any when a reason "no" unless b to User hide code NO oblige log').tree
    assert tree is not None
    (rule,) = tree.statements
    assert isinstance(rule, Rule)
    assert (rule.actions, rule.on, rule.is_granted) == (None, None, False)
    assert [condition.is_unless for condition in rule.conditions] == [False, True]
    assert rule.reason is not None
    assert rule.reason.written.text == "no"
    assert rule.hide is not None


def test_comments_and_trailing_commas_say_nothing() -> None:
    assert codes("actions T { read, edit, } # done\nlet x = a in [1, 2,] # too\nlet y = size(b,)") == []


@pytest.mark.parametrize("text", ["type A {}\r# all\rtype B {}", "type A {}\n# all\rtype B {}\n", 'let x = "a\rb"'])
def test_what_shows_as_a_line_of_its_own_is_never_part_of_a_comment(text: str) -> None:
    (fault,) = parsed(text).faults
    assert (fault.code, fault.help) == ("E100", "end lines in LF or CR LF")
    assert fault.span.text == "\r"


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("rule r: alow read on D to anyone", "did you mean `allow`?"),
        ("rule r: permit read on D to anyone", "did you mean `allow`?"),
        ("rule r: allow read ON D to anyone", "did you mean `on`?"),
        ("rule r: allow read on D to a whn b", "did you mean `when`?"),
        ("rule r: allow read on D to a if b", "did you mean `when`?"),
        ("let x = a\nRule r: deny read on D", "did you mean `rule`?"),
        ("let x = a && b", "write `and`"),
        ("let x = a || b", "write `or`"),
        ("let x = !a", "write `not`"),
        ("let x = a == “b”", 'strings stand in `"`'),
        ("// all of them\ntype A {}", "a comment begins with `#`"),
        ("rule r: deny * on D", "write `any` for all of them, or `anyone`"),
        ("rule r: deny read, edit or delete on D", "expected `,` or `on`"),
    ],
)
def test_a_slip_or_a_word_of_another_language_is_told_the_word_for_it(text: str, help_: str) -> None:
    (fault,) = parsed(text).faults
    assert fault.help == help_


def test_every_fault_of_a_file_is_told() -> None:
    assert codes("let = 1\nlet x = 'a'\nrule r: allow read on T to\nlet z = 3 +\n") == ["E101", "E100", "E101", "E101"]


@pytest.mark.parametrize(
    "text",
    ["not " * 900 + "x", "not " * 10_000 + "x", "(" * 10_000 + "x" + ")" * 10_000, "a ?? " * 10_000 + "x",
     "[" * 10_000 + "x" + "]" * 10_000, "a + " * 10_000 + "b", "size(" * 10_000 + "x" + ")" * 10_000],
    ids=["900 nots", "nots", "parentheses", "defaults", "lists", "sums", "calls"],
)  # fmt: skip
def test_deep_nesting_is_one_fault(text: str) -> None:
    assert codes(f"let x = {text}") == ["E402"]


def test_unclosed_parentheses_are_a_fault() -> None:
    assert codes("let x = " + "(" * 10_000) == ["E101"]


def test_nesting_up_to_the_limit_is_well() -> None:
    assert codes(f"let x = {'not ' * (NESTING_LIMIT - 1)}y") == []
    assert codes(f"let x = {'not ' * NESTING_LIMIT}y") == ["E402"]


def test_a_long_list_is_a_fault() -> None:
    assert codes(f"let x = a in [{'1, ' * LIST_LIMIT}]") == []
    assert codes(f"let x = a in [{'1, ' * (LIST_LIMIT + 1)}]") == ["E403"]


def test_an_over_long_file_is_a_fault() -> None:
    assert [fault.code for fault in parse(SourceFile("t", "#" * (FILE_LIMIT + 1))).faults] == ["E401"]


@pytest.mark.parametrize("text", ["", "\0", "\ufeff", "module", "module t type", "🦉", '"', "\\", "\udcff", "]" * 9])
def test_what_is_no_policy_is_a_fault(text: str) -> None:
    assert parse(SourceFile("t", text)).faults
