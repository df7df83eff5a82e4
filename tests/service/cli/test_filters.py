"""What `--where` reads as a filter, and what it refuses."""

import click
import pytest
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef, Value

from service.cli.filters import read_filter

READ = {
    "level>=3": (pb.COMPARISON_GREATER_OR_EQUAL, Value(int_value=3)),
    "level<=3": (pb.COMPARISON_LESS_OR_EQUAL, Value(int_value=3)),
    "level>3": (pb.COMPARISON_GREATER, Value(int_value=3)),
    "level<-3": (pb.COMPARISON_LESS, Value(int_value=-3)),
    "level=a=b": (pb.COMPARISON_EQUAL, Value(string_value="a=b")),
    'level:="3"': (pb.COMPARISON_EQUAL, Value(string_value="3")),
    "level!=true": (pb.COMPARISON_NOT_EQUAL, Value(bool_value=True)),
    "level~=draft": (pb.COMPARISON_CONTAINS, Value(string_value="draft")),
    "level=@User:alice": (pb.COMPARISON_EQUAL, Value(ref_value=EntityRef(type="User", id="alice"))),
}


@pytest.mark.parametrize("text", READ)
def test_a_comparison_is_read_with_its_value(text: str) -> None:
    comparison, value = READ[text]
    assert read_filter(text) == pb.AttributeFilter(attribute="level", comparison=comparison, value=value)


def test_a_name_alone_is_for_what_is_set_and_with_a_mark_for_what_is_not() -> None:
    assert read_filter("address.city") == pb.AttributeFilter(attribute="address.city", comparison=pb.COMPARISON_SET)
    assert read_filter("!folder") == pb.AttributeFilter(attribute="folder", comparison=pb.COMPARISON_NOT_SET)


@pytest.mark.parametrize("text", ["", "!", "=3", "!level=3", "level 3", "3>level"])
def test_what_is_no_filter_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not of the form NAME=VALUE"):
        read_filter(text)
