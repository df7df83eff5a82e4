"""What settings name is read as it is meant, or refused with a help."""

import re

import pytest
from pydantic import ValidationError

from service.record_paths import RecordPath, read_record_path
from service.record_settings import RecordSettings


@pytest.mark.parametrize(
    ("text", "root", "steps", "may_lack"),
    [
        ("resource.title", "resource", ("title",), False),
        ("principal.home.city?", "principal", ("home", "city"), True),
        ("claims.org.id", "claims", ("org", "id"), False),
        ('claims."https://idp.example/groups".name', "claims", ("https://idp.example/groups", "name"), False),
        ("User.salary", "User", ("salary",), False),
        ("context.now", "context", ("now",), False),
    ],
)
def test_a_path_is_read(text: str, root: str, steps: tuple[str, ...], may_lack: bool) -> None:
    assert read_record_path(text) == RecordPath(text, root, steps, may_lack)


@pytest.mark.parametrize(
    "text",
    ["", "resource", "resource.", ".title", "resource..title", "resource.title.", "resource.*", "a b.c", "r\u00e9s.x",
     "resource.title\n", "claims.", 'claims."', 'claims.""', 'claims."a', "resource.title??", "1.a"],
)  # fmt: skip
def test_what_is_no_path_is_refused_with_a_help(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("is no path\nhelp: write `resource.title`")):
        read_record_path(text)


def test_only_claims_have_names_in_quotes() -> None:
    with pytest.raises(ValueError, match="only claims have names that need quotes"):
        read_record_path('resource."title"')


def test_settings_are_read_whole() -> None:
    settings = RecordSettings.model_validate(
        {
            "mask": [
                {"path": "User.salary", "how": "remove"},
                {"path": "resource.title", "how": "truncate", "characters": 3},
                {"path": "principal.email", "how": "hash"},
            ],
            "mask_key_file": "mask.key",
            "find_by": ["resource.region"],
            "drop": [{"name": "health", "types": ["Route"], "keep": 0.01}],
        }
    )
    assert [mask.how for mask in settings.mask] == ["remove", "truncate", "hash"]
    assert settings.drop[0].keep == 0.01


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"mask": [{"path": "resource", "how": "remove"}]}, "`resource` is no path"),
        ({"mask": [{"path": "resource.x", "how": "blur"}]}, "'remove', 'hash' or 'truncate'"),
        ({"mask": [{"path": "resource.x", "how": "truncate"}]}, "`characters` says how many"),
        ({"mask": [{"path": "resource.x", "how": "remove", "characters": 3}]}, "`characters` says how many"),
        ({"mask": [{"path": "resource.x", "how": "hash"}]}, "`mask_key_file` is the key"),
        ({"mask_key_file": "mask.key"}, "`mask_key_file` is the key"),
        ({"find_by": ["resource.x", "resource.x?"]}, "`resource.x` stands twice in find_by"),
        (
            {"mask": [{"path": "resource.x", "how": "remove"}, {"path": "resource.x?", "how": "remove"}]},
            "`resource.x` stands twice in mask",
        ),
        ({"drop": [{"name": "all"}]}, "list actions, types or both"),
        ({"drop": [{"name": "all", "actions": ["read"], "keep": 1.0}]}, "less than 1"),
        ({"drop": [{"name": "a", "actions": ["x"]}, {"name": "a", "actions": ["y"]}]}, "`a` stands twice in drop"),
        ({"drop": [{"name": "deny", "actions": ["read"], "effect": "deny"}]}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RecordSettings.model_validate(given)
    assert why in str(caught.value)
