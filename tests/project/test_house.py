"""The house keeps its habits: short files, no circles, every public name documented, nothing of one machine."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("policy_lang", "service", "magistrate_client")
LONGEST = 400
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|/migrations/")
# Not preceded by a path character: `a/home/b` and a URL's path are no place on a machine.
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:home|root|work|Users)/\w")
LOCK = re.compile(r"\b0x6D61_6769_[0-9A-F]{4}\b")
"""A number of an advisory lock: facts and log may share one PostgreSQL database, and so do all their locks."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows here, without generated ones; those just removed are left out."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name and not GENERATED.search(name)]
    return [path for path in paths if path.is_file()]


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tracked("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_imports_run_in_a_circle(package: str) -> None:
    graph = grimp.build_graph(package, cache_dir=None)
    circles = [(module, circle) for module in graph.modules if (circle := way_back(graph, module)) is not None]
    assert circles == []


def way_back(graph: grimp.ImportGraph, module: str) -> tuple[str, ...] | None:
    """The shortest chain of imports that leaves `module` and comes back to it."""
    ways = (
        graph.find_shortest_chain(importer=imported, imported=module)
        for imported in graph.find_modules_directly_imported_by(module)
    )
    return min((way for way in ways if way is not None), key=len, default=None)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package: str) -> None:
    silent = []
    for path in tracked(f"{package}/*.py"):
        module = ast.parse(path.read_text())
        silent += [f"{path.relative_to(ROOT)}: {name}" for name in undocumented(module, "the module")]
    assert silent == []


def undocumented(node: Documented, name: str) -> Iterator[str]:
    """The names, `node` first, that a reader can reach and that say nothing; what a function holds is its own."""
    if ast.get_docstring(node) is None:
        yield name
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield from undocumented(child, child.name if isinstance(node, ast.Module) else f"{name}.{child.name}")


def test_nothing_names_a_place_on_one_machine() -> None:
    named = []
    for path in tracked():
        text = path.read_text(errors="replace")
        named += [f"{path.relative_to(ROOT)}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert named == []


def test_no_two_things_take_turns_by_one_number() -> None:
    numbers = Counter(number for path in tracked("service/*.py") for number in LOCK.findall(path.read_text()))
    assert numbers
    assert [number for number, times in numbers.items() if times > 1] == []
