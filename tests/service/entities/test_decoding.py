"""The readers that know a short way give what the types' own reader gives, whatever is stored."""

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.forms import read_cell, read_stored
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    EnumType,
    Field,
    IntType,
    IpType,
    Json,
    NetworkType,
    RecordType,
    RefType,
    ScalarType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import BAD_VALUE
from service.entities.decoding import reader_of

SCALARS: st.SearchStrategy[ScalarType] = st.sampled_from(
    [
        BoolType(),
        IntType(),
        DecimalType(),
        StringType(),
        EnumType(("private", "public")),
        TimestampType(),
        DurationType(),
        TimezoneType(),
        IpType(),
        NetworkType(),
        RefType(("User",)),
        RefType(("User", "Team")),
    ]
)
SETS = SCALARS.map(SetType)


def _records(types: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    pairs = st.tuples(types, types, st.booleans())
    return pairs.map(lambda pair: RecordType((Field("a", pair[0]), Field("b", pair[1], is_optional=pair[2]))))


TYPES: st.SearchStrategy[Type] = st.recursive(SCALARS | SETS, _records, max_leaves=4)
WRITTEN = ["private", "User:alice", "Team:x:y", "User:", "User", ":x", "User:é", "User:\n", "User:" + "x" * 257, "a\0"]
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.sampled_from([2**53 - 1, 2**53, -(2**53), 0]),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from([*WRITTEN, "x" * 4096, "x" * 4097, "é" * 4096, "10.0.0.0/8", "::1", "Europe/Paris", "\ud800"]),
)
LISTS = st.lists(ATOMS, max_size=4)
OBJECTS = st.dictionaries(
    st.sampled_from("abc"), st.one_of(ATOMS, LISTS, st.dictionaries(st.sampled_from("ab"), ATOMS, max_size=2))
)
STORED: st.SearchStrategy[Json] = st.one_of(ATOMS, LISTS, OBJECTS, st.just([1] * 1001))


@given(TYPES, STORED)
def test_a_short_way_ends_where_the_law_does(type_: Type, stored: Json) -> None:
    read, expected = reader_of(type_)(stored), read_cell(type_, stored, read_stored)
    if expected is BAD_VALUE:
        assert read is BAD_VALUE
    else:
        assert read == expected
        assert type(read) is type(expected)
