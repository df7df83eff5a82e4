"""Exactly one credential is taken from a request."""

import pytest

from service.authn.bearer import bearer
from service.errors import Unauthenticated


@pytest.mark.parametrize("value", ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"])
def test_one_bearer_token_is_taken(value: str) -> None:
    assert bearer([value]) == "a.b.c"


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        pytest.param([], "no credential", id="none"),
        pytest.param(["Bearer a.b.c", "Bearer d.e.f"], "two credentials", id="two values"),
        pytest.param(["Bearer a.b.c", "Bearer a.b.c"], "two credentials", id="the same value twice"),
        pytest.param(["Bearer a.b.c, Bearer d.e.f"], "not one bearer token", id="two in one value"),
        pytest.param(["Bearer a.b.c d.e.f"], "not one bearer token", id="two after one scheme"),
        pytest.param(["Bearer"], "not one bearer token", id="no token"),
        pytest.param(["Bearer "], "not one bearer token", id="an empty token"),
        pytest.param([""], "not one bearer token", id="an empty value"),
        pytest.param(["Basic YTpi"], "not one bearer token", id="another scheme"),
        pytest.param(["a.b.c"], "not one bearer token", id="no scheme"),
        pytest.param(["Bearer\ta.b.c"], "not one bearer token", id="a tab"),
        pytest.param(["Bearer a.b.c\n"], "not one bearer token", id="a line break"),
        pytest.param([b"Bearer a.b.c"], "not one bearer token", id="a binary value"),
    ],
)
def test_anything_but_one_bearer_token_is_refused(values: list[str | bytes], cause: str) -> None:
    with pytest.raises(Unauthenticated, match=cause):
        bearer(values)
