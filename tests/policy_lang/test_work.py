"""Law: twice the text costs at most twice the work, counted in calls, so that no clock decides."""

from collections.abc import Callable, Mapping
from cProfile import Profile
from typing import Final

import pytest

from policy_lang.diagnostics import PolicyError
from policy_lang.formatting.formatter import format_policy
from policy_lang.loading import load
from policy_lang.source import SourceFile

DECLARATIONS: Final = """module t
tenant type T {}
principal type U { tenant: T, a: int?, b: string, c: bool }
type R { tenant: T, a: int, s: set<string>, owner: U, opt: int? }
actions R { read }
"""
Shape = Callable[[int], str]
SHAPES: Final[Mapping[str, Shape]] = {
    "brackets": lambda n: "let a = " + "(" * n + "true" + ")" * n,
    "open brackets": lambda n: "let a = " + "(" * n,
    "denials": lambda n: "let a = " + "not " * n + "true",
    "records": lambda n: "type X { b: " + "{a:" * n + "int" + "}" * n + "}",
    "steps": lambda n: "let a = " + "a." * n + "b",
    "sums": lambda n: "let a = 1" + " + 1" * n + " == 2",
    "connectives": lambda n: "rule r: deny read on R when true" + " and has resource.opt" * min(n, 300),
    "lists": lambda n: "let a = 1 in [" + "99999999999999999999, " * n + "1]",
    "escapes": lambda n: 'let a = "' + "\\q" * n + '" == "x"',
    "comments": lambda n: "# x\n" * n,
    "lets": lambda n: _many(n, "let a{} = true\n"),
    "chained lets": lambda n: "let a0 = true\n" + "".join(f"let a{at + 1} = a{at} and a{at}\n" for at in range(n // 4)),
    "unknown names": lambda n: _many(n, "let a{0} = b{0}\n"),
    "unknown attributes": lambda n: _many(n, "rule a{0}: deny read on R when resource.x{0} == 1\n"),
    "unknown fixtures": lambda n: _many(n, 'fixture f{0} = R "{0}" {{ owner: g{0} }}\n'),
    "broken statements": lambda n: "let = \n" * n,
    "rules with remarks": lambda n: _many(n, 'rule a{0}: deny read on R\n  when resource.opt\n  reason "r"\n\n# so\n'),
    "rules": lambda n: _many(n, "rule a{0}: deny read on R when resource.a == {0}\n"),
    "equal rules": lambda n: "rule a: deny any on any\n" * n,
    "types": lambda n: "".join(f"type X{at} {{ a: X{max(at - 1, 0)} }}\n" for at in range(n)),
    "parents": lambda n: "".join(f"type X{at} in X{max(at - 1, 0)} {{}}\n" for at in range(n)),
    "roles": lambda n: "role x0 {}\n" + "".join(f"role x{at + 1} includes x{at} {{}}\n" for at in range(n)),
    "members": lambda n: f"type X {{ e: enum({', '.join(f'm{at}' for at in range(n))}) }}",
    "attributes": lambda n: f"type X {{ {', '.join(f'm{at}: int' for at in range(n))} }}",
    "fixtures": lambda n: _many(n, 'fixture f{0} = U "{0}" {{ a: 1 }}\n'),
}


def _many(count: int, statement: str) -> str:
    return "".join(statement.format(at) for at in range(count))


def checked(text: str) -> None:
    """Loads the text, and shows what is wrong."""
    try:
        load({"t.policy": text})
    except PolicyError as error:
        str(error)


def formatted(text: str) -> None:
    """Formats the text, or shows what is wrong."""
    try:
        format_policy(SourceFile("t.policy", text))
    except PolicyError as error:
        str(error)


def work(task: Callable[[str], None], text: str) -> int:
    """The calls that the task makes."""
    profile = Profile()
    profile.runcall(task, text)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize(("task", "size"), [(checked, 220), (formatted, 60)], ids=["checked", "formatted"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_twice_the_text_is_at_most_twice_the_work(shape: Shape, task: Callable[[str], None], size: int) -> None:
    task(DECLARATIONS)  # the grammar's tables are made once
    once, twice = (work(task, DECLARATIONS + shape(count)) for count in (size, 2 * size))
    assert twice <= 2.2 * once
