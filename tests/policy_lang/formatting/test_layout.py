"""The layout of each kind of statement, written out; each is its own form, so formatting it again changes nothing."""

import pytest

from policy_lang.diagnostics import PolicyError
from policy_lang.formatting.formatter import format_policy
from policy_lang.limits import NESTING_LIMIT
from policy_lang.source import SourceFile


def formatted(text: str) -> str:
    """The text behind its module, formatted with it."""
    whole = format_policy(SourceFile("t.policy", f"module m\n{text}"))
    return whole.removeprefix("module m\n").removeprefix("\n")


LAYOUTS = {
    "a type that fits": (
        "principal   type User in Team,Group listable{tenant:Tenant,name:string ?,}",
        "principal type User in Team, Group listable { tenant: Tenant, name: string? }\n",
    ),
    "a type that does not": (
        "type Document { tenant: Tenant, visibility: enum(private, internal, public), labels: set < string >,\n"
        'about: User | Team, intent: string? from request, site: string from claim "a" "b", salary: int? sensitive }',
        """\
type Document {
  tenant: Tenant,
  visibility: enum(private, internal, public),
  labels: set<string>,
  about: User | Team,
  intent: string? from request,
  site: string from claim "a" "b",
  salary: int? sensitive,
}
""",
    ),
    "paragraphs of attributes": (
        "type T {\n\n  a: int,\n\n\n  # what follows is optional\n\n  b: int?, # b\n  # the end\n\n}",
        """\
type T {
  a: int,

  # what follows is optional

  b: int?,  # b
  # the end
}
""",
    ),
    "nothing in braces": ("type T {\n}\ncontext {}\nrole r {  }", "type T {}\ncontext {}\nrole r {}\n"),
    "a comment alone in braces": ("type T { # none yet\n}", "type T {  # none yet\n}\n"),
    "a role": (
        "role editor on Tenant includes viewer,docs . reader { Document:create ,share;Folder: share; }",
        "role editor on Tenant includes viewer, docs.reader { Document: create, share; Folder: share }\n",
    ),
    "a role that does not fit": (
        "role editor on Tenant includes viewer { Document: create, write, share, comment, edit, delete, export;"
        " Folder: read, share, delete }",
        """\
role editor on Tenant includes viewer {
  Document: create, write, share, comment, edit, delete, export;
  Folder: read, share, delete;
}
""",
    ),
    "a rule that fits": (
        "rule r:\n  allow read\n  on Document\n  to anyone\n  when resource.open",
        "rule r: allow read on Document to anyone when resource.open\n",
    ),
    "a rule that says something to its caller": (
        'shadow rule r : deny any on any when a unless b reason "no" code NO hide oblige tell( a : 1 ,b:15m, )',
        """\
shadow rule r: deny any on any
  when a
  unless b
  reason "no"
  code NO
  hide
  oblige tell(a: 1, b: 15m)
""",
    ),
    "a rule that does not fit": (
        "rule shared: allow read, comment on Document to collaborator when principal is User and"
        " principal.clearance >= resource.level",
        """\
rule shared: allow read, comment on Document to collaborator
  when principal is User and principal.clearance >= resource.level
""",
    ),
    "a condition that does not fit": (
        "rule r: allow read on Document to owner when principal is User and principal.clearance >= resource.level and"
        " (resource.visibility == internal or resource.visibility == public or resource.owner.manager == principal or"
        " not has resource.folder)",
        """\
rule r: allow read on Document to owner
  when principal is User
    and principal.clearance >= resource.level
    and (
      resource.visibility == internal
      or resource.visibility == public
      or resource.owner.manager == principal
      or not has resource.folder
    )
""",
    ),
    "a long list": (
        "rule r: deny export on Document unless context.ip in ["
        + ", ".join(f"10.{number}.0.0/16" for number in range(9))
        + "]",
        "rule r: deny export on Document\n  unless context.ip in [\n"
        + "".join(f"    10.{number}.0.0/16,\n" for number in range(9))
        + "  ]\n",
    ),
    "a comment between clauses": (
        "rule r: allow read # only\non T\n# the owner\nto owner # him\n# now\nwhen a # why\nand b",
        """\
rule r: allow read  # only
  on T
  # the owner
  to owner  # him
  # now
  when a  # why
    and b
""",
    ),
    "operators": (
        "let x = not(a==-1)and b-1<c ?? 2 and d in 9 .. 16 and e not in f+1..g and h.s any in[1,2,]and size(s , )>0",
        "let x = not (a == -1) and b - 1 < c ?? 2 and d in 9..16 and e not in f + 1 .. g and h.s any in [1, 2]"
        " and size(s) > 0\n",
    ),
    "an expression that fits on the next line": (
        "let reachable_in_business_hours = hour(context.now, principal.zone) in 9..16 and"
        " weekday(context.now, principal.zone) in 1..5",
        """\
let reachable_in_business_hours =
  hour(context.now, principal.zone) in 9..16 and weekday(context.now, principal.zone) in 1..5
""",
    ),
    "subjects": (
        'rule r: allow read on T to User,Team "legal",role a in resource.b,role over resource.c,d of resource.e',
        'rule r: allow read on T to User, Team "legal", role a in resource.b, role over resource.c, d of resource.e\n',
    ),
    "what is written by its author": (
        'let x = "a\\u0041  # b" == resource.c and 007 > 1h30m and 2026-01-05T10:00:00.50+02:00 < context.now',
        'let x = "a\\u0041  # b" == resource.c and 007 > 1h30m and 2026-01-05T10:00:00.50+02:00 < context.now\n',
    ),
    "a test": (
        'test "t" { given alice is admin of Tenant "t" until 2027-01-01T00:00:00Z # for now\n\n\n principal alice {a:1}'
        " resource plan context{now:2026-01-05T10:00:00Z} expect deny read by a,b code C oblige o }",
        """\
test "t" {
  given alice is admin of Tenant "t" until 2027-01-01T00:00:00Z  # for now

  principal alice { a: 1 }
  resource plan
  context { now: 2026-01-05T10:00:00Z }
  expect deny read by a, b code C oblige o
}
""",
    ),
    "a matrix": (
        'test "t" { context{now:2026-01-05T10:00:00Z} matrix{principals alice,User "b"{a:1} # who\n resources plan'
        '\n\n actions read,edit expect allow read on any to alice,  User "b" by a expect deny any'
        " on plan to any code C}}",
        """\
test "t" {
  context { now: 2026-01-05T10:00:00Z }
  matrix {
    principals alice, User "b" { a: 1 }  # who
    resources plan

    actions read, edit
    expect allow read on any to alice, User "b" by a
    expect deny any on plan to any code C
  }
}
""",
    ),
    "a line of a matrix that does not fit": (
        'test "t" { matrix { principals a resources b actions any expect allow read, comment, edit, share, delete'
        ", export on travel, customers, plans to alice, bob, carol by owner_all, by_role } }",
        """\
test "t" {
  matrix {
    principals a
    resources b
    actions any
    expect allow read, comment, edit, share, delete, export
      on travel, customers, plans
      to alice, bob, carol
      by owner_all, by_role
  }
}
""",
    ),
    "a template and its use": (
        "template up_to(level:int,kinds : types,):allow read on kinds to User when resource.level<=level\n"
        "use low:up_to(level:3,kinds:[A,B],)\nshadow use high : shared . up_to ( )",
        "template up_to(level: int, kinds: types): allow read on kinds to User when resource.level <= level\n"
        "use low: up_to(level: 3, kinds: [A, B])\nshadow use high: shared.up_to()\n",
    ),
    "a template and a use that do not fit": (
        "template limited(kinds: types, what: actions, held: role, most: int, labels: set<string>, from_: timestamp)"
        " : # x\n"
        ' deny what on kinds reason "no"\n'
        "use limited_in_the_archive: limited(kinds: Document, what: [read, edit], held: editor, most: 3,"
        ' labels: ["archive"],'
        " from_: 2026-01-05T10:00:00Z)",
        """\
template limited(
  kinds: types,
  what: actions,
  held: role,
  most: int,
  labels: set<string>,
  from_: timestamp,
):  # x
  deny what on kinds
  reason "no"
use limited_in_the_archive: limited(
  kinds: Document,
  what: [read, edit],
  held: editor,
  most: 3,
  labels: ["archive"],
  from_: 2026-01-05T10:00:00Z,
)
""",
    ),
    "paragraphs of statements": (
        "\n\n\nlet x = a # one\nlet y = b\n\n\n\n# apart\n# from\nlet z = c\n# the end\n\n\n",
        "let x = a  # one\nlet y = b\n\n# apart\n# from\nlet z = c\n# the end\n",
    ),
    "comments that hang on a statement": (
        "# first\nrule r: deny any on any\n    when a\n      # unless b\n # or c\n\n  # apart\n# on top\n"
        "let x = c # here\n  # below\n# end",
        "# first\nrule r: deny any on any when a\n  # unless b\n  # or c\n\n# apart\n# on top\n"
        "let x = c  # here\n  # below\n# end\n",
    ),
    "statements on one line": ("let x = a let y = b", "let x = a\nlet y = b\n"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_what_is_written_has_its_one_layout(text: str, expected: str) -> None:
    assert formatted(text) == expected


@pytest.mark.parametrize("expected", [expected for _, expected in LAYOUTS.values()], ids=LAYOUTS)
def test_a_layout_is_its_own(expected: str) -> None:
    assert formatted(expected) == expected


def test_what_stands_before_the_module_stays_there() -> None:
    text = "\n\n# about\n\n\n#   this\r\nmodule   m # here\nlet x = a"
    assert format_policy(SourceFile("t", text)) == "# about\n\n#   this\nmodule m  # here\n\nlet x = a\n"


def test_text_that_does_not_parse_is_refused_with_every_fault() -> None:
    with pytest.raises(PolicyError) as refused:
        formatted("let = 1\nlet x = 'a'\n")
    assert [found.code for found in refused.value.diagnostics] == ["E101", "E100"]


@pytest.mark.parametrize("opening", ["(", "not ", "[", "size(", "a ?? "])
def test_nesting_is_formatted_up_to_its_limit_and_refused_beyond(opening: str) -> None:
    closing = {"(": ")", "[": "]", "size(": ")"}.get(opening, "")
    deepest = NESTING_LIMIT - 1
    text = f"let x = {opening * deepest}a{closing * deepest}"
    assert "".join(formatted(text).split()).replace(",", "") == "".join(text.split())
    with pytest.raises(PolicyError, match="nest at most"):
        formatted(f"let x = {opening * 10_000}a{closing * 10_000}")
