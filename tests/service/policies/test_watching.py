"""A folder is judged when it is at rest, and again only after it has changed."""

import os
import threading
from pathlib import Path

import pytest

from policy_lang.schema import Schema
from service.policies.watching import Fit, Unfit, WatchedFolder

GOOD = "module m\nprincipal type User {}\ntype Note {}\nactions Note { read }\nrule r: allow read on Note to anyone\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.policy").write_text(GOOD)
    return tmp_path


def test_a_folder_is_judged_once(folder: Path) -> None:
    watched = WatchedFolder(folder)
    assert isinstance(watched.judge(), Fit)
    assert [watched.look() for _ in range(3)] == [None] * 3


def test_a_change_is_judged_when_it_is_at_rest(folder: Path) -> None:
    watched = WatchedFolder(folder)
    first = watched.judge()
    (folder / "m.policy").write_text(GOOD + "# more\n")
    assert watched.look() is None
    second = watched.look()
    assert isinstance(first, Fit)
    assert isinstance(second, Fit)
    assert first.digest != second.digest
    assert watched.look() is None


def test_a_change_that_goes_on_is_waited_for(folder: Path) -> None:
    watched = WatchedFolder(folder)
    watched.judge()
    for number in range(3):
        (folder / f"n{number}.policy").write_text(f"module n{number}\n")
        assert watched.look() is None


def test_a_file_that_is_put_in_the_place_of_another_of_its_size_and_time_is_a_change(folder: Path) -> None:
    watched = WatchedFolder(folder)
    watched.judge()
    before = (folder / "m.policy").stat()
    (folder / "new").write_text(GOOD.replace("rule r", "rule q"))
    os.utime(folder / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / "new").replace(folder / "m.policy")
    assert watched.look() is None
    assert isinstance(watched.look(), Fit)


def test_a_file_whose_mode_alone_is_changed_is_judged_again_for_it_may_not_have_been_readable(folder: Path) -> None:
    watched = WatchedFolder(folder)
    watched.judge()
    (folder / "m.policy").chmod(0o600)
    assert watched.look() is None
    assert isinstance(watched.look(), Fit)


def test_text_that_is_wrong_is_a_finding_and_a_folder_that_is_gone_is_none(folder: Path) -> None:
    watched = WatchedFolder(folder)
    (folder / "m.policy").write_text(GOOD.replace("on Note", "on Nota"))
    verdict = watched.judge()
    assert isinstance(verdict, Unfit)
    assert verdict.is_finding
    assert "did you mean `Note`?" in verdict.why
    (folder / "m.policy").unlink()
    assert watched.look() is None
    verdict = watched.look()
    assert isinstance(verdict, Unfit)
    assert not verdict.is_finding


def test_a_fault_is_told_once_and_the_next_change_is_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = [ZeroDivisionError("not thought of")]

    def fits(_: Schema) -> None:
        if faults:
            raise faults.pop()

    watched = WatchedFolder(folder, fits)
    assert watched.judge() == Unfit("it is a fault of the service, whose log says more", is_finding=False)
    assert "not thought of" in capsys.readouterr().out
    assert watched.look() is None
    (folder / "m.policy").write_text(GOOD + "# more\n")
    assert watched.look() is None
    assert isinstance(watched.look(), Fit)


def test_whoever_follows_is_told_of_each_change(folder: Path) -> None:
    told: list[Fit | Unfit] = []
    heard, stop = threading.Semaphore(0), threading.Event()

    def tell(verdict: Fit | Unfit) -> None:
        told.append(verdict)
        heard.release()

    following = threading.Thread(
        target=WatchedFolder(folder).follow, args=(tell,), kwargs={"every": 0.01, "stop": stop}
    )
    following.start()
    assert heard.acquire(timeout=10)
    (folder / "m.policy").write_text("nonsense")
    assert heard.acquire(timeout=10)
    (folder / "m.policy").write_text(GOOD)
    assert heard.acquire(timeout=10)
    stop.set()
    following.join(10)
    assert [type(verdict) for verdict in told] == [Fit, Unfit, Fit]
