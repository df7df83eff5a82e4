"""A name is reported if and only if nothing but its tests would miss it."""

import pytest

from tests.policy_lang.linting.linted import said

TEST = (
    'test "t" {{ {given} principal User "u" {{}} resource Route "r" {{ path: "/" }} '
    "context {{ now: 2026-01-05T10:00:00Z }} expect deny call }}"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("let odd = resource.locked", ["W301: nothing uses the let `odd`"]),
        ("relation reader on Document: User", ["W302: nothing uses the relation `reader`"]),
        ("relation reader on Document = resource.locked", ["W302: nothing uses the relation `reader`"]),
        ("role reader on Tenant {}", ["W303: nothing uses the role `reader`"]),
        ("group both on Document = read, edit", ["W304: nothing uses the action group `both`"]),
        ("type Box {}\nactions Box { open }", ["W305: nothing allows `open` on `Box`: it is always denied"]),
        ("context { shade: string }", ["W306: nothing uses the context field `shade`"]),
        ('fixture ann = User "ann" {}', ["W307: nothing uses the fixture `ann`"]),
        ("let odd = resource.locked\nrule r: deny read on Document when odd", []),
        ("relation reader on Document: User\nrule r: allow read on Document to reader", []),
        ("role reader {}\nrule r: allow read on Document to role reader", []),
        ("role reader {}\nrole writer includes reader {}\nrule r: allow read on Document to role writer", []),
        ("role reader on Tenant { Folder: read }\nrule r: allow granted on Folder to role in resource.tenant", []),
        ("group both on Document = read, edit\nrule r: deny both on Document when resource.locked", []),
        ("group both on Document = read, edit\nrole reader { Document: both }",
         ["W303: nothing uses the role `reader`"]),
        ("type Box {}\nactions Box { open }\nrule r: allow open on Box to User", []),
        ("type Box {}\nactions Box { open }\nrule r: deny open on Box",
         ["W305: nothing allows `open` on `Box`: it is always denied"]),
        ('context { shade: string }\nrule r: deny read on Document when context.shade == "dark"', []),
    ],
)  # fmt: skip
def test_an_unused_name_is_reported(text: str, found: list[str]) -> None:
    assert said(text) == found


def test_what_a_test_names_is_not_used_by_that() -> None:
    text = 'role reader {}\nfixture ann = User "ann" {}\n' + TEST.format(given="given ann is reader")
    assert said(text) == ["W303: nothing uses the role `reader`"]
