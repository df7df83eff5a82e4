"""Law: nothing that a policy, a caller or a store says ever becomes Python text; policies become syntax nodes alone."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Final

import pytest

from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.compiling import python_nodes
from policy_lang.facts import Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.folder import read_folder
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.loading import load
from policy_lang.typed import EntityFixture
from policy_lang.values import Cell, Ref
from tests.laws.generated_rules import program_of

ROOT: Final = Path(__file__).parents[2]

NAMES: Final = (
    "__import__",
    "__class__",
    "__builtins__",
    "facts",
    "s",
    "k0",
    "v0",
    "w0",
    "hits",
    "None",
    "lambda",
    "exec",
)
"""Names that mean something in Python, or in the functions that rules become."""
TEXTS: Final = (
    "__import__('os').system('x')", "'); import os #", '\\"\\"\\"', "\\n raise SystemExit", "{facts.__globals__}", "%s",
    "{0.__class__}", "\\\\", "k0", "*'*",
)  # fmt: skip


def hostile(name: str, text: str) -> str:
    """A bundle in which whatever an author may name is called so, and every text says that."""
    return f"""
        module {name}
        tenant type T_{name} {{}}
        principal type P {{ {name}: string, {name}_of: P?, at: {{ {name}: string }}? }}
        type R from request {{ {name}: string, kind: enum({name}_a, {name}_b) }}
        context {{ {name}: string? }}
        actions R {{ {name} }}
        group {name}_group on R = {name}
        role {name}_role {{ R: {name} }}
        let {name}_let = resource.{name} == "{text}"
        rule {name}: allow {name} on R to P
          when {name}_let and principal.{name} in ["{text}", "b"] and resource.kind == {name}_a
          when (context.{name} ?? "{text}") == "{text}" and not starts_with(resource.{name}, "{text}x")
          unless has principal.at.{name} and principal.at.{name} == "{text}x"
          reason "{text.replace("{", "{{").replace("}", "}}")}"
          oblige {name}({name}: resource.{name}, text: "{text}")
        rule {name}_deny: deny any on any when principal == P "{name}x" code {name}
    """


def ask(bundle: Bundle, name: str, text: str) -> tuple[str, str]:
    """The code and the parameter that an entity gets whose id and values are the text; both evaluators agree."""
    program = bundle.program
    compiled = Compiled(program)
    principal, resource = Ref("P", text), Ref("R", text)
    cells: Mapping[str, Cell] = {name: text}
    source = FixtureSource([EntityFixture(principal, program.schema.types["P"].complete(cells))])
    question = Question(principal, name, resource, 0, {}, {name: text, "kind": f"{name}_a"}, (),
                        {name: program.schema.context[name].gap, "now": 0})  # fmt: skip
    (facts,) = gather([question], compiled, source)
    decision = compiled.decide(facts)
    assert decision == Interpreter(program).decide(facts)
    assert compiled.inputs(facts)[f"resource.{name}"] == text
    return decision.code, str(dict(decision.obligations[0].parameters)[name])


@pytest.mark.parametrize("name", NAMES)
def test_names_of_python_are_names_like_others(name: str) -> None:
    bundle = load({"t.policy": hostile(name, "plain")})
    assert ask(bundle, name, "plain") == ("ALLOWED", "plain")


@pytest.mark.parametrize("text", TEXTS)
def test_texts_and_ids_are_themselves(text: str) -> None:
    bundle = load({"t.policy": hostile("n", text)})
    meant = text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
    assert ask(bundle, "n", meant) == ("ALLOWED", meant)


NODES: Final = frozenset(
    {
        ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.AugAssign, ast.If, ast.Return, ast.Name,
        ast.Constant, ast.Attribute, ast.Subscript, ast.Call, ast.Tuple, ast.Dict, ast.Compare, ast.BoolOp, ast.UnaryOp,
        ast.BinOp, ast.IfExp, ast.NamedExpr, ast.Load, ast.Store, ast.And, ast.Or, ast.Not, ast.Add, ast.Sub, ast.BitOr,
        ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot,
    }
)  # fmt: skip
"""No import, no loop, no exception, no inner function, no f-string, no star: what a rule becomes always ends."""
ATTRIBUTES: Final = frozenset(
    {"question", "principal", "resource", "context", "principal_cells", "resource_cells", "rows", "assignments",
     "links", "get", "cells", "type", "id", "is_broken", "__class__"}
)  # fmt: skip
FIXED_NAMES: Final = frozenset({"facts", "s", "hits", "shadow", "unsure", "decision"})
MADE_NAME: Final = re.compile(r"[kvw][0-9]+")


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[ast.Module]:
    """Every tree that is compiled while the test runs; it is compiled all the same."""
    trees: list[ast.Module] = []
    make = python_nodes.function

    def keep(identifier: str, parameter: str, body: list[ast.stmt]) -> ast.Module:
        trees.append(make(identifier, parameter, body))
        return trees[-1]

    monkeypatch.setattr(python_nodes, "function", keep)
    return trees


def strangers(tree: ast.Module, declared: frozenset[str]) -> Iterator[str]:
    """What in a tree is on no list; `declared` are the words that may stand as text: attributes, and paths of them."""
    for node in ast.walk(tree):
        if type(node) not in NODES:
            yield type(node).__name__
        match node:
            case ast.FunctionDef(name=name) if name not in {"decide", "inputs"}:
                yield f"function {name}"
            case ast.Attribute(attr=key) if key not in ATTRIBUTES:
                yield f"attribute {key}"
            case ast.Name(id=name) | ast.arg(arg=name) if name not in FIXED_NAMES and not MADE_NAME.fullmatch(name):
                yield f"name {name}"
            case ast.Constant(value=str(text)) if text not in {"type", "id"} and not set(text.split(".")) <= declared:
                yield f"text {text}"
            case ast.Constant(value=value) if not isinstance(value, None | bool | int | str):
                yield f"constant {value!r}"


def declared_in(bundle_types: Mapping[str, Mapping[str, object]]) -> frozenset[str]:
    """The names of all attributes, and where paths begin."""
    names = {name for attributes in bundle_types.values() for name in attributes}
    return frozenset({*names, "principal", "resource", "context", "now"})


def words_of(bundle: Bundle) -> frozenset[str]:
    schema = bundle.program.schema
    inside = [each.inside for owner in schema.types.values() for each in owner.attributes.values()]
    records = {f"#{at}": each.attributes for at, each in enumerate(inside) if each is not None}
    types = {name: declared.attributes for name, declared in schema.types.items()}
    return declared_in({**types, **records, "#context": schema.context})


@pytest.mark.parametrize(
    "source",
    ["import os", "def decide(facts): return facts.__globals__", "x = open", "s = 'text'", "s = b''", "s = f'{s}'",
     "for s in facts: pass", "s = lambda: s", "s = [*facts]", "s = 1.5"],
)  # fmt: skip
def test_the_list_is_closed(source: str) -> None:
    assert list(strangers(ast.parse(source), frozenset()))


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_bundle_becomes_nodes_of_the_closed_list(text: str, generated: list[ast.Module]) -> None:
    bundle = load({"t.policy": hostile("__import__", text)})
    Compiled(bundle.program)
    assert generated
    assert [each for tree in generated for each in strangers(tree, words_of(bundle))] == []


def test_every_example_becomes_nodes_of_the_closed_list(generated: list[ast.Module]) -> None:
    for folder in sorted((ROOT / "examples").glob("*/policies")):
        bundle = load(read_folder(folder))
        Compiled(bundle.program)
        assert [each for tree in generated for each in strangers(tree, words_of(bundle))] == []
        assert generated
        generated.clear()


@pytest.mark.parametrize("seed", range(10))
def test_every_kind_of_rule_becomes_nodes_of_the_closed_list(seed: int, generated: list[ast.Module]) -> None:
    program = program_of(Random(seed), 6)
    Compiled(program)
    words = words_of(Bundle(program, "", ()))
    texts = words | {"city", "zip", "host", "box", "size", "fee", "managed", "level"}
    assert [each for tree in generated for each in strangers(tree, texts)] == []


def test_only_one_place_makes_functions_of_nodes_and_none_of_text() -> None:
    """`compile` and `exec` stand in `define` alone, `eval` and `__import__` nowhere; code comes back in images."""
    found = {
        (path.relative_to(ROOT).as_posix(), node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func))
        for path in (ROOT / "policy_lang").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    risky = {"exec", "eval", "compile", "__import__", "marshal.loads", "FunctionType"}
    assert {each for each in found if each[1] in risky} == {
        ("policy_lang/compiling/python_nodes.py", "exec"),
        ("policy_lang/compiling/python_nodes.py", "compile"),
        ("policy_lang/image.py", "marshal.loads"),
        ("policy_lang/image.py", "FunctionType"),
    }
