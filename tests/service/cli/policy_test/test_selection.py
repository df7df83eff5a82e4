"""`--only` means tests by name, by pattern, by cell and by place; what it does not mean is wrong usage."""

from pathlib import Path

import pytest

from tests.service.cli.policy_test.policies import run_tests, write


@pytest.mark.parametrize(
    ("only", "held", "tests"),
    [
        (("the owner edits",), 2, 1),
        (("*owner*",), 2, 1),
        (("others",), 2, 1),
        (("others: edit*",), 1, 1),
        (("others: read on plan to bob",), 1, 1),
        (("m.policy:13",), 2, 1),
        (("m.policy:18",), 2, 1),
        (("policies/of/m.policy:16",), 2, 1),
        (("the owner edits", "others: edit*"), 3, 2),
    ],
)
def test_only_what_is_meant_is_run(tmp_path: Path, only: tuple[str, ...], held: int, tests: int) -> None:
    write(tmp_path)
    result = run_tests(tmp_path, *(word for pattern in only for word in ("--only", pattern)))
    noun, of = "expectation" if held == 1 else "expectations", "test" if tests == 1 else "tests"
    assert (result.exit_code, result.output) == (0, f"{held} {noun} held, 0 did not, in {tests} {of}\n")


@pytest.mark.parametrize(
    "only", ["the ownr edits", "owner", "m.policy:1", "other.policy:13", "xm.policy:13", "m.policy:"]
)
def test_what_means_no_test_is_wrong_usage(tmp_path: Path, only: str) -> None:
    write(tmp_path)
    result = run_tests(tmp_path, "--only", only)
    assert result.exit_code == 2
    assert f"no test is called `{only}`, and none stands there" in result.stderr


def test_a_name_that_is_nearly_right_is_offered(tmp_path: Path) -> None:
    write(tmp_path)
    assert "help: did you mean `the owner edits`?" in run_tests(tmp_path, "--only", "the ownr edits").stderr


def test_a_name_with_the_marks_of_a_pattern_means_itself(tmp_path: Path) -> None:
    write(tmp_path, ("the owner edits", "owners [only]"))
    assert run_tests(tmp_path, "--only", "owners [only]").output.endswith("in 1 test\n")


def test_coverage_is_of_what_was_run(tmp_path: Path) -> None:
    write(tmp_path)
    assert "rules 0 of 4 (0 %)" in run_tests(tmp_path, "--only", "others", "--coverage").output
