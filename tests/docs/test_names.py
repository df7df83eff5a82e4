"""What the documentation names is there: files, folders, the links between pages."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(path for pattern in ("*.md", "docs/*.md", "examples/*/README.md") for path in ROOT.glob(pattern))
OURS = r"(?:policy_lang|service|magistrate_client|proto|tests|examples|benchmarks|docs)"
FILE = re.compile(rf"`({OURS}/[\w./-]*|\w+\.py)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")

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
