"""Values of every kind cross the contract and come back as they were given."""

import pytest
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import types_pb2

from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.types import Json
from service.admission import VALUES
from service.config import Limits
from service.doors.grpc.codec import read_batch, read_entity, write_value
from service.doors.grpc.room import Room
from service.errors import InvalidRequest, LimitExceeded

BOX: Json = {"size": 3, "fee": "0.5", "tags": ["a"]}
ALICE: Json = {"type": "User", "id": "alice"}


def crossed(value: Json) -> Json:
    """The value as it comes off the wire."""
    wire = types_pb2.Value.FromString(write_value(value).SerializeToString())
    entity = types_pb2.Entity(type="Document", id="d1", attributes={"it": wire})
    return read_entity(entity, "resource", Room(Limits())).attributes["it"]


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


EMPTIES = types_pb2.ValueSet.FromString(b"\n\0" * (VALUES + 1))
"""As many values as take the fewest bytes."""


def test_values_within_a_value_take_room_and_the_value_itself_takes_none() -> None:
    room = Room(Limits())
    room.take_values(VALUES - 3)
    house: Json = {"city": "Paris", "tags": ["a"]}
    entity = types_pb2.Entity(type="Document", id="d1", attributes={"it": write_value(house)})

    assert read_entity(entity, "resource", room).attributes == {"it": house}
    with pytest.raises(LimitExceeded, match="over the limit `values`: 50002 given, 50000 allowed"):
        read_entity(entity, "resource", room)


def test_checks_of_a_batch_share_the_room_for_values_and_one_that_is_too_large_takes_none() -> None:
    large, full, small = pb.CheckRequest(), pb.CheckRequest(), pb.CheckRequest()
    large.context["it"].set_value.CopyFrom(EMPTIES)
    full.context["it"].set_value.CopyFrom(EMPTIES)
    full.context["it"].set_value.values[0].set_value.SetInParent()  # which is refused once it has its room
    del full.context["it"].set_value.values[-1]
    small.context["it"].set_value.values.add()

    items = read_batch(pb.BatchCheckRequest(checks=[large, full, small]), Limits())

    assert [str(each) for each in items] == [
        "over the limit `values`: 50001 given, 50000 allowed",
        "context.it: a set holds no sets and no records",
        "over the limit `values`: 50001 given, 50000 allowed",
    ]
