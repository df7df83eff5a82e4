"""An image is read whole or not at all, and names nothing beside the policy language."""

import os
import pickle
from enum import Enum

import pytest

from policy_lang.compiler import Compiled
from policy_lang.image import LENGTH_BYTES, VERSION, ImageError, ImageReader, read_image, write_image
from policy_lang.loading import load

POLICY = """
module m
principal type User { level: int }
type Document { owner: User, at: ip, level: int? }
actions Document { read, edit }
rule own: allow any on Document to User when resource.owner == principal reason "it is theirs"
rule far: deny edit on Document when resource.at in [10.0.0.0/8]
  unless resource.level ?? 0 > 3 oblige tell(at: resource.at)
"""
BUNDLE = load({"m.policy": POLICY})
IMAGE = write_image(BUNDLE, Compiled(BUNDLE.program))


def test_an_image_holds_the_bundle_without_its_tests() -> None:
    bundle, compiled, _ = read_image(IMAGE)
    assert (bundle.digest, bundle.files, bundle.program.rules) == (BUNDLE.digest, BUNDLE.files, BUNDLE.program.rules)
    assert set(compiled.plans) == {("User", "Document", "read"), ("User", "Document", "edit")}
    rule = bundle.program.rules["Document"][0]
    assert rule.span.file is bundle.files[0]
    assert compiled.plans["User", "Document", "edit"].rules[0] is rule


def test_an_image_is_read_where_python_pickles_enumerations_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_before_3_11_4(member: Enum, _: int) -> object:
        return getattr, (type(member), member.name)

    monkeypatch.setattr(Enum, "__reduce_ex__", as_before_3_11_4)
    bundle, _, _ = read_image(write_image(BUNDLE, Compiled(BUNDLE.program)))
    assert bundle.program.rules == BUNDLE.program.rules


def parts_of(image: bytes) -> list[bytes]:
    parts, at = [], len(VERSION)
    while at < len(image):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(image[at:start], "big")
        parts.append(image[start:at])
    return parts


def image_of_types(count: int) -> bytes:
    types = "\n".join(
        f"type T{n} {{ owner: User }}\nactions T{n} {{ read, edit }}\nrole r{n} on T{n} {{ T{n}: read }}\n"
        f"relation near{n} on T{n}: User\nrule a{n}: allow read on T{n} to near{n}, role r{n} in resource"
        for n in range(count)
    )
    bundle = load({"m.policy": f"module m\nprincipal type User {{}}\n{types}"})
    return write_image(bundle, Compiled(bundle.program))


def test_no_part_grows_with_the_bundle_but_its_text_and_the_table_of_names() -> None:
    small, large = (sorted(map(len, parts_of(image_of_types(count))), reverse=True) for count in (20, 200))
    assert len(large) > 5 * len(small)
    assert large[2] < 1.1 * small[2]


def test_an_image_of_another_version_is_refused() -> None:
    with pytest.raises(ImageError, match="another version"):
        ImageReader(b"magistrate image 0 " + IMAGE[len(VERSION) :])


@pytest.mark.parametrize("kept", [1, 2, 4, -1])
def test_an_image_that_is_cut_short_is_refused(kept: int) -> None:
    whole = [VERSION, *(len(part).to_bytes(LENGTH_BYTES, "big") + part for part in parts_of(IMAGE))]
    with pytest.raises(ImageError):
        read_image(b"".join(whole[:kept]))


class Intruder:
    """Pickles as a call of a function that no image may name."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_an_image_names_nothing_beside_the_policy_language() -> None:
    part = pickle.dumps(("share", [Intruder()]))
    with pytest.raises(ImageError, match=r"an image names `posix[.]system`"):
        read_image(VERSION + len(part).to_bytes(LENGTH_BYTES, "big") + part)


def test_a_part_of_no_known_kind_is_refused() -> None:
    part = pickle.dumps(("spare", 1))
    with pytest.raises(ImageError, match="no part `spare`"):
        read_image(VERSION + len(part).to_bytes(LENGTH_BYTES, "big") + part)
