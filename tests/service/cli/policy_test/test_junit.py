"""`--junit` writes what readers of JUnit XML expect: suites of cases, failures and errors, counted."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

from tests.service.cli.policy_test.policies import run_tests, write

SHAPE: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"testcase"}),
    "testcase": ({"name", "classname"}, {"failure", "error"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
}
"""Element → the attributes that it must have, and the elements that may stand in it."""


def written(folder: Path) -> Element:
    """The document that the tests of the folder give, held to the shape."""
    file = folder / "junit.xml"
    run_tests(folder, "--junit", str(file))
    root = fromstring(file.read_bytes())
    assert root.tag == "testsuites"
    for element in root.iter():
        required, inner = SHAPE[element.tag]
        assert required <= set(element.keys())
        assert {child.tag for child in element} <= inner
    for element in (root, *root):
        counted = {name: len(list(element.iter(tag))) for name, tag in COUNTED.items()}
        assert {name: int(element.attrib[name]) for name in COUNTED} == counted
    return root


COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error"}


def test_a_file_of_policies_is_a_suite_and_an_expectation_a_case(tmp_path: Path) -> None:
    write(tmp_path)
    (suite,) = written(tmp_path)
    assert (suite.attrib["name"], suite.attrib["tests"], suite.attrib["failures"]) == ("m.policy", "4", "0")
    assert [(case.attrib["name"], case.attrib["classname"], case.attrib["line"]) for case in suite] == [
        ("the owner edits: edit", "m", "17"),
        ("the owner edits: read", "m", "18"),
        ("others: read on plan to bob", "m", "23"),
        ("others: edit on plan to bob", "m", "23"),
    ]


def test_a_failure_says_what_came_and_shows_how(tmp_path: Path) -> None:
    write(tmp_path, ("locked: false", "locked: true"))
    (failure,) = written(tmp_path).iter("failure")
    assert failure.attrib["message"] == "expected allow edit by m.own; got deny by m.locked code LOCKED"
    assert "resource.locked = true" in (failure.text or "")
    assert "\x1b" not in (failure.text or "")


def test_policies_that_do_not_load_are_errors(tmp_path: Path) -> None:
    write(tmp_path, ("principal.level > 1", "principal.levl > 1"))
    (error,) = written(tmp_path).iter("error")
    assert (error.attrib["type"], error.attrib["message"]) == ("E203", "unknown attribute `levl` of `User`")


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, ('"the owner edits"', '"<owner> & \x01 \ufffe \U0001f600"'))
    names = [case.attrib["name"] for case in written(tmp_path).iter("testcase")]
    assert names[0] == "<owner> & \ufffd \ufffd \U0001f600: edit"


def test_equal_results_are_equal_files(tmp_path: Path) -> None:
    write(tmp_path)
    files = [tmp_path / "one.xml", tmp_path / "two.xml"]
    for file in files:
        run_tests(tmp_path, "--junit", str(file))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_file_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    write(tmp_path)
    result = run_tests(tmp_path, "--junit", str(tmp_path / "nowhere" / "junit.xml"))
    assert (result.exit_code, "cannot be written: no such file" in result.stderr) == (2, True)
