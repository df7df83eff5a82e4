"""Writes the results of tests as JUnit XML, which what runs builds reads: a suite for each file of policies.

Only what was found stands in it: no times are measured, so that equal results are equal files.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from magistrate.v1 import policy_pb2 as pb

_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may have (XML 1.0, production 2)."""


def junit(results: Sequence[tuple[pb.TestResult, str]], diagnostics: Sequence[pb.Diagnostic]) -> bytes:
    """The document: each result with what is said of it where it failed; findings that kept tests from running."""
    root = Element("testsuites", name="magistrate policy test")
    for path, found in groupby(results, key=lambda each: each[0].path):
        suite = SubElement(root, "testsuite", name=_text(path))
        for result, said in found:
            _case(suite, result, said)
    if diagnostics:
        suite = SubElement(root, "testsuite", name="policies")
        for finding in diagnostics:
            place = f"{finding.path}:{finding.line}"
            case = SubElement(suite, "testcase", name=_text(place), classname=finding.code)
            SubElement(case, "error", message=_text(finding.message), type=finding.code).text = _text(finding.rendered)
    for each in (*root, root):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            each.set(name, str(sum(1 for _ in each.iter(tag))))
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(suite: Element, result: pb.TestResult, said: str) -> None:
    case = SubElement(
        suite, "testcase",
        name=_text(_name(result)), classname=_text(result.path.removesuffix(".policy").replace("/", ".")),
        file=_text(result.path), line=str(result.line),
    )  # fmt: skip
    if not result.held:
        message = _text("; ".join(result.lines))
        SubElement(case, "failure", message=message, type="expectation").text = _text(said)


def _name(result: pb.TestResult) -> str:
    """The test and the action; a cell of a matrix says it already."""
    return result.test if result.in_matrix else f"{result.test}: {result.action}"


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
