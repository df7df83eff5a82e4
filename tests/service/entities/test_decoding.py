"""The readers that know a short way give what the types' own reader gives, whatever is stored."""

from hypothesis import given
from hypothesis import strategies as st

from policy_lang.forms import read_stored
from policy_lang.notation import BadValue
from policy_lang.types import (
    BoolType,
    DurationType,
    EnumType,
    IntType,
    IpType,
    Json,
    NetworkType,
    RefType,
    ScalarType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import BAD_VALUE, Cell
from service.entities.decoding import reader_of

SCALARS: st.SearchStrategy[ScalarType] = st.sampled_from(
    [
        BoolType(),
        IntType(),
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
TYPES: st.SearchStrategy[Type] = st.one_of(SCALARS, SCALARS.map(SetType))
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
STORED: st.SearchStrategy[Json] = st.one_of(
    ATOMS, st.lists(ATOMS, max_size=4), st.dictionaries(st.text(), ATOMS, max_size=2), st.just([1] * 1001)
)


def by_law(type_: Type, stored: Json) -> Cell:
    try:
        return read_stored(type_, stored)
    except BadValue:
        return BAD_VALUE


@given(TYPES, STORED)
def test_a_short_way_ends_where_the_law_does(type_: Type, stored: Json) -> None:
    read, expected = reader_of(type_)(stored), by_law(type_, stored)
    if expected is BAD_VALUE:
        assert read is BAD_VALUE
    else:
        assert read == expected
        assert type(read) is type(expected)
