"""Values of every kind cross the contract and come back as they were given."""

import pytest
from magistrate.v1 import types_pb2

from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.types import Json
from service.config import Limits
from service.doors.grpc.codec import read_entity, write_value
from service.errors import InvalidRequest

BOX: Json = {"size": 3, "fee": "0.5", "tags": ["a"]}
ALICE: Json = {"type": "User", "id": "alice"}


def crossed(value: Json) -> Json:
    """The value as it comes off the wire."""
    wire = types_pb2.Value.FromString(write_value(value).SerializeToString())
    entity = types_pb2.Entity(type="Document", id="d1", attributes={"it": wire})
    return read_entity(entity, "resource", Limits()).attributes["it"]


@pytest.mark.parametrize(
    "value",
    [
        True,
        -7,
        "12.5",
        ALICE,
        ["a", "b"],
        [ALICE],
        {},
        {"city": "Paris", "host": ALICE, "box": BOX},
        {"type": "house", "size": 3},
    ],
    ids=str,
)
def test_a_value_comes_back_as_it_was(value: Json) -> None:
    assert crossed(value) == value


def nested(depth: int) -> Json:
    value: Json = 1
    for _ in range(depth):
        value = {"in": value}
    return value


def test_records_nest_as_deep_as_policies_declare_them() -> None:
    assert crossed(nested(RECORD_NESTING_LIMIT)) == nested(RECORD_NESTING_LIMIT)
    with pytest.raises(InvalidRequest, match="records nest at most 4 deep"):
        crossed(nested(RECORD_NESTING_LIMIT + 1))


@pytest.mark.parametrize("element", [[1], {"a": 1}], ids=str)
def test_a_set_holds_scalars_alone(element: Json) -> None:
    with pytest.raises(InvalidRequest, match="a set holds no sets and no records"):
        crossed([element])
