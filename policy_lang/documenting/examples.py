"""Documents the tests of a bundle as examples: who asks, about what, what comes of it."""

from collections.abc import Iterator, Sequence

from policy_lang.documenting.markdown import code, codes, plain, table
from policy_lang.typed import Expectation, TestCase


def examples(cases: Sequence[TestCase]) -> Iterator[str]:
    """Every expectation of every test, in the order of the text."""
    if not cases:
        return
    yield from ("## Examples", "", "Each is a test that `magistrate policy test` runs.", "")
    rows = [
        (plain(case.title(each.action)), code(str(case.principal.ref)), code(str(case.resource.ref)), _expected(each))
        for case in cases
        for each in case.expectations
    ]
    yield from table(("test", "who", "on", "expected"), rows)


def _expected(expectation: Expectation) -> str:
    said = f"{expectation.effect.value} {code(expectation.action)}"
    if expectation.by:
        said += f" by {codes(sorted(expectation.by))}"
    if expectation.code:
        said += f", code {code(expectation.code)}"
    if expectation.obliges:
        said += f", obliges to {codes(sorted(expectation.obliges))}"
    return said
