"""The OpenAPI document is what the door does: what it generates is answered as it says, whatever is wrong with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from service.config import Limits
from service.doors.http.openapi import document
from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA
from tests.service.doors.http.serving import Door, build_door

ROOT = Path(__file__).resolve().parents[4]
PRINTABLE = {"pattern": "^[ -~äЖ水😀]+$"}
KNOWN: dict[str, dict[str, Any]] = {
    "Subject": {"type": {"enum": ["User"]}, "id": PRINTABLE},
    "Resource": {"type": {"enum": ["Order"]}, "id": PRINTABLE},
    "Action": {"name": {"enum": ["read", "refund", "create"]}},
}
"""What the document cannot say: the policies of this door, and in the patterns of JSON Schema what can be printed."""
EVERY = [
    (EVALUATION, "POST", GenerationMode.POSITIVE),
    (EVALUATION, "POST", GenerationMode.NEGATIVE),
    (EVALUATIONS, "POST", GenerationMode.POSITIVE),
    (EVALUATIONS, "POST", GenerationMode.NEGATIVE),
    (METADATA, "GET", GenerationMode.POSITIVE),
]


@pytest.fixture(scope="module")
def lenient_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door with the limits that it has by default."""
    with build_door(tmp_path_factory.mktemp("shop"), limits=Limits()).opened() as door:
        yield door


@pytest.fixture(scope="module")
def api(lenient_door: Door) -> Any:
    """The document as it is served, for what the policies know."""
    served = lenient_door.client.get("/openapi.json").json()
    for part, fields in KNOWN.items():
        for field, known in fields.items():
            served["components"]["schemas"][part]["properties"][field] |= known
    schema = schemathesis.openapi.from_dict(served)
    schema.config.update(base_url=lenient_door.url)
    return schema


@pytest.mark.parametrize(("path", "method", "mode"), EVERY)
@settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_document_generates_is_answered_as_it_says(
    api: Any, path: str, method: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(api[path][method].as_strategy(generation_mode=mode))

    case.call_and_validate(headers={"Authorization": "Bearer pep"})


def test_the_page_is_what_the_door_serves(lenient_door: Door) -> None:
    served = lenient_door.client.get("/openapi.json")

    assert served.headers["content-type"] == "application/json"
    assert served.json() == document()
    assert served.content == (ROOT / "docs" / "openapi.json").read_bytes(), "run `make openapi`"
