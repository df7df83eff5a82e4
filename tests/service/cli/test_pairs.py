"""A value on the command line is what it looks like; every other is said as JSON, and what is neither is refused."""

import click
import pytest

from magistrate_client.values import EntityRef, Given
from service.cli.pairs import read_pairs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=", ""),
        ("a=x=y", "x=y"),
        ("a=true", True),
        ("a=false", False),
        ("a=True", "True"),
        ("a=7", 7),
        ("a=-7", -7),
        ("a=7.5", "7.5"),
        ("a=--7", "--7"),
        ("a=٧", "٧"),
        ("a=10.1.2.3", "10.1.2.3"),
        ("a=99999999999999999999", "99999999999999999999"),
        ('a:="7"', "7"),
        ("a:=null", None),
        ('a:=["pii", 1, true]', ["pii", 1, True]),
        ('a:={"type": "User", "id": "bob"}', EntityRef("User", "bob")),
        ('a:={"city": "Paris", "in": {"zips": ["1"]}}', {"city": "Paris", "in": {"zips": ["1"]}}),
    ],
)
def test_a_value_is_read(text: str, value: Given) -> None:
    read = read_pairs([text], "--attr")["a"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["", "a", "=x", ":=1", "a:=", "a:=1.5", 'a:={"id": "bob"}', 'a:={"x": 1.5}', "a:=[[1]]", "a:=[null]"]
)
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        read_pairs([text], "--attr")
    assert refused.value.param_hint == "--attr"
