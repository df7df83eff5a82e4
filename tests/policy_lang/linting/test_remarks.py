"""A remark allows a lint at one place, says why, and is refused where it allows nothing."""

import pytest

from tests.policy_lang.linting.linted import said

LET = "W301: nothing uses the let `odd`"
ODD = "let odd = resource.locked"


@pytest.mark.parametrize(
    "text",
    [
        f"# allow W301: soon\n{ODD}",
        f"{ODD}  # allow W301: soon",
        f"#allow  W301 : soon\n{ODD}",
        f"# allow W301: soon\n# and more\n\n{ODD}",
        "# allow W101, W104: soon\nrule r: deny read on Document when 1 < 2 or 1 < 2",
        "# allow W101: soon\nrule r: deny read on Document\n  when resource.locked\n  or 1 < 2",
        "rule r: deny read on Document\n  when resource.locked\n  # allow W101: soon\n  or 1 < 2",
    ],
)
def test_a_remark_allows_a_lint_on_its_line_or_below(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"# allow W302: soon\n{ODD}", ["E601: `W302` is allowed and not found here", LET]),
        (f"{ODD}\n# allow W301: soon\n", [LET, "E601: `W301` is allowed and not found here"]),
        (f"let one = resource.locked # allow W301: soon\n{ODD}", [LET]),
        (f"# allow W301\n{ODD}", ["E602: the remark does not say why"]),
        (f"# allow W301:\n{ODD}", [LET]),
        (f"# allow W399: soon\n{ODD}", ["E602: no lint is called `W399`", LET]),
        (f"# allow E303: soon\n{ODD}", ["E602: no lint is called `E303`", LET]),
        (f"# we allow W301: soon\n{ODD}", [LET]),
        (f"# allow everything\n{ODD}", [LET]),
        ('rule r: deny read on Document when resource.region == "# allow W101: soon" or 1 < 2',
         ["W101: this is never false: both sides are literals"]),
    ],
)  # fmt: skip
def test_a_remark_allows_nothing_else(text: str, found: list[str]) -> None:
    assert said(text) == found
