"""An import and an export of ten times as much take no more memory than the caches that they are allowed."""

import os
import subprocess
from pathlib import Path

import orjson

from tests.e2e.running import COMMAND, Project

POLICY = "module docs\nprincipal type User {}\ntype Note { text: string }\nactions Note { read }\n"
FEW, MANY = 2_000, 20_000
TEXT = "x" * 4_000
CACHES = 64 << 20
"""Of the temporary file and the database together, and what the interpreter may take besides."""


def notes(path: Path, count: int) -> int:
    """Writes so many notes of 4 kB; the bytes of the file."""
    with path.open("wb") as file:
        for at in range(count):
            note = {"kind": "resource", "type": "Note", "id": f"n{at}", "attributes": {"text": f"{at}{TEXT}"}}
            file.write(orjson.dumps(note) + b"\n")
    return path.stat().st_size


def peak_of(project: Project, *arguments: str) -> int:
    """The most memory that the command took, by the kernel's count."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=project.folder, env=project.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage.ru_maxrss * 1024


def test_ten_times_as_many_lines_take_no_more_memory_than_the_caches(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "docs.policy").write_text(POLICY)
    few, many = notes(tmp_path / "few.jsonl", FEW), notes(tmp_path / "many.jsonl", MANY)
    peaks: dict[str, int] = {}
    for name in ("few", "many"):
        project = Project(tmp_path, {"data": name})
        peaks[f"import {name}"] = peak_of(project, "data", "import", f"{name}.jsonl")
        peaks[f"export {name}"] = peak_of(project, "data", "export", f"out-{name}.jsonl")
    assert many - few > CACHES
    assert peaks["import many"] - peaks["import few"] < CACHES, peaks
    assert peaks["export many"] - peaks["export few"] < CACHES // 4, peaks
