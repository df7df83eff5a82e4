"""An image is read whole or not at all, and names nothing beside the policy language."""

import os
import pickle

import pytest

from policy_lang.bundle import load
from policy_lang.compiler import Compiled
from policy_lang.image import LENGTH_BYTES, VERSION, ImageError, ImageReader, read_image, write_image

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


def test_an_image_of_another_version_is_refused() -> None:
    with pytest.raises(ImageError, match="another version"):
        ImageReader(b"magistrate image 0 " + IMAGE[len(VERSION) :])


@pytest.mark.parametrize("parts", [0, 1, 3, -2])
def test_an_image_that_is_cut_short_is_refused(parts: int) -> None:
    ends = [len(VERSION)]
    while ends[-1] < len(IMAGE):
        ends.append(ends[-1] + LENGTH_BYTES + int.from_bytes(IMAGE[ends[-1] : ends[-1] + LENGTH_BYTES], "big"))
    with pytest.raises(ImageError):
        read_image(IMAGE[: ends[parts]])


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
