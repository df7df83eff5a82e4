"""What the documentation names is there, and what has to be named is: files, links, settings, layers."""

import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

from service.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("*.md", "docs/*.md", "examples/*/README.md", "deploy/*.md")
DOCUMENTS = sorted(path for pattern in PLACES for path in ROOT.glob(pattern))
OURS = r"(?:policy_lang|service|magistrate_client|proto|tests|examples|benchmarks|docs|deploy)"
FILE = re.compile(rf"`({OURS}/[\w./-]*|\w+\.py)`")
CODE = re.compile(r"```toml\n.*?```|(?<!`)`[^`\n]+`", re.DOTALL)
STEPS = re.compile(r"^    (\w+): +(.*(?:\n +→? *\S.*)*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")

SUBCLASSES = [model for direct in BaseModel.__subclasses__() for model in (direct, *direct.__subclasses__())]
SETTINGS = [
    Settings,
    *(
        model
        for model in SUBCLASSES
        if model is not Settings and re.fullmatch(r"service\.(config|\w+_settings)", model.__module__)
    ),
]
"""All of which `service.config` is made, without a list that somebody forgets."""

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])


@pytest.fixture(scope="module")
def places() -> frozenset[str]:
    """Every file that git knows, by its path and by its name, and every folder with one in it."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines()]
    folders = {str(folder) for file in files for folder in file.parents}
    return frozenset({str(file) for file in files} | {file.name for file in files} | folders)


@every_document
def test_the_files_that_a_document_names_exist(document: Path, places: frozenset[str]) -> None:
    assert [name for name in FILE.findall(document.read_text()) if name.rstrip("/") not in places] == []


@every_document
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_setting_is_documented(settings: type[BaseModel]) -> None:
    text = "".join(
        (ROOT / "docs" / name).read_text()
        for name in ("operations.md", "adoption.md", "limits.md", "pushing-policies.md", "mapped-sources.md")
    )
    named = {name for code in CODE.findall(text) for name in re.findall("[a-z_]+", code)}
    assert sorted(settings.model_fields.keys() - named) == []


@pytest.mark.parametrize("package", ["service", "policy_lang"])
def test_the_layers_that_the_page_shows_are_those_of_the_contract(package: str) -> None:
    shown = dict(STEPS.findall((ROOT / "docs" / "architecture.md").read_text()))[package]
    steps = [re.findall(r"\w+", step) for step in shown.split("→")]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == [package])
    depth = {room: at for at, layer in enumerate(layers) for room in re.findall(r"\w+", layer)}
    depths = [[depth[room] for room in step] for step in steps]
    assert [(upper, lower) for upper, lower in pairwise(depths) if max(upper) >= min(lower)] == []
