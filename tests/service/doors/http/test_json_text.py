"""The JSON of a request: every name once, however it is written, and not so much of it that it holds the loop."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.admission import VALUES
from service.doors.http.json_text import read_object
from service.errors import InvalidRequest, LimitExceeded

NAMES = st.sampled_from(["a", "b", ":", "a:", "", "\u00e9", 'say "a":', "\\u003a"])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> tuple[str, bool]:
    """An object's text, and whether each name in it stands once."""
    names = draw(st.lists(NAMES, max_size=4))
    is_good, members = len(set(names)) == len(names), list[str]()
    for name in names:
        value = draw(st.sampled_from(["1", '":"', "[]", '"a\\u003ab"', '"\\\\"']))
        if depth and draw(st.booleans()):
            value, is_good_within = draw(objects(depth - 1))
            is_good = is_good and is_good_within
        written = json.dumps(name)
        if draw(st.booleans()):
            written = written.replace(":", "\\u003a")
        members.append(f"{written}{draw(st.sampled_from([':', ' : ']))}{value}")
    return "{" + ", ".join(members) + "}", is_good


@given(objects())
def test_a_name_that_stands_twice_is_refused_and_nothing_else(made: tuple[str, bool]) -> None:
    text, is_good = made
    if is_good:
        assert read_object(text.encode()) == json.loads(text)
    else:
        with pytest.raises(InvalidRequest, match="stands twice in one object"):
            read_object(text.encode())


def test_a_name_twice_is_refused_however_deep_what_it_hides_nests() -> None:
    with pytest.raises(InvalidRequest, match=r"body: .* stands twice in one object"):
        read_object(b'{"a":' + b"[" * 1000 + b"]" * 1000 + b',"a":1}')


@pytest.mark.parametrize("small", ["[]", "{}", '{"a":1}', "1"])
def test_too_many_values_are_refused_by_the_name_of_the_limit(small: str) -> None:
    text = '{"a":[' + ",".join([small] * VALUES) + "]}"

    with pytest.raises(LimitExceeded, match=f"over the limit `values`: [0-9]+ given, {VALUES} allowed"):
        read_object(text.encode())


def test_what_texts_are_made_of_is_no_value() -> None:
    message: dict[str, Json] = {"a": ',[{\\"' * VALUES}

    assert read_object(json.dumps(message).encode()) == message


def test_a_long_text_without_an_end_is_looked_at_once() -> None:
    """Were it looked at anew from each quote in it, this would not end."""
    with pytest.raises(InvalidRequest, match="body: no JSON: unexpected end of data"):
        read_object(b'{"a":"' + b'\\",' * 5 * VALUES)
