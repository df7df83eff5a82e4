"""Runs tests of policies, explains those that fail and measures what is covered; it can be ended between two steps."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_lang.bundle import Bundle, digest_of
from policy_lang.compiler import Compiled
from policy_lang.coverage import Coverage, measure
from policy_lang.explanation import Explanation, explain
from policy_lang.interpreter import Interpreter
from policy_lang.loading import bundle_of, examine, read
from policy_lang.selection import selected
from policy_lang.suite import TestResult, results
from policy_lang.syntax.cases import Fixture, Test
from policy_lang.syntax.parser import Parsed
from policy_lang.uncollected import uncollected

GoOn = Callable[[], None]
"""Called between steps; may raise, which ends the work."""

Each = TypeVar("Each")


class NotTestsAlone(Exception):
    """A file that was to hold fixtures and tests holds something else. `path` names it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"fixtures and tests alone, but `{path}` holds something else")
        self.path = path


@dataclass(frozen=True, slots=True)
class Run:
    """Which tests are to be run, how many failures explained (None: all), and whether coverage is measured."""

    only: Sequence[str]
    most_explained: int | None
    has_coverage: bool


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of tests. Behind each result stands what explains it: None where it held, and behind many failures."""

    digest: str
    tests: int
    results: tuple[tuple[TestResult, Explanation | None], ...]
    coverage: Coverage | None


def with_tests(texts: Mapping[str, str], tests: Mapping[str, str]) -> Bundle:
    """The policies with further tests, under the digest that they have without these; PolicyError, NotTestsAlone."""
    with uncollected():
        own, further = read(texts), read(tests)
        for parsed in further:
            _require_tests_alone(parsed)
        bundle = bundle_of(examine(sorted((*own, *further), key=lambda parsed: parsed.file.path)))
    digest = digest_of(parsed.file for parsed in own)
    return Bundle(bundle.program, digest, bundle.files, bundle.probes)


def run_tests(bundle: Bundle, run: Run, go_on: GoOn = lambda: None) -> Tested:
    """What comes of the tests; UnknownTest where something means none."""
    chosen = selected(bundle, run.only)
    compiled, interpreter = Compiled(chosen.program), Interpreter(chosen.program)
    found: list[tuple[TestResult, Explanation | None]] = []
    left = run.most_explained
    for result in _between(results(chosen.program, compiled), go_on):
        explanation = None
        if not result.has_passed and left != 0:
            explanation = explain(result.facts, interpreter, compiled)
            left = None if left is None else left - 1
        found.append((result, explanation))
    asked = _between((result.facts for result, _ in found), go_on)
    coverage = measure(bundle, asked) if run.has_coverage else None
    return Tested(bundle.digest, chosen.program.test_count, tuple(found), coverage)


def _require_tests_alone(parsed: Parsed) -> None:
    statements = () if parsed.tree is None else parsed.tree.statements
    if not all(isinstance(each, Fixture | Test) for each in statements):
        raise NotTestsAlone(parsed.file.path)


def _between(steps: Iterable[Each], go_on: GoOn) -> Iterator[Each]:
    for each in steps:
        go_on()
        yield each
