"""Finds and reads the policy files of a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from policy_lang.limits import BUNDLE_LIMIT

SUFFIX = ".policy"
"""How the names of policy files end."""


class BundleError(Exception):
    """A folder that gives no policy text: absent, empty, unreadable, not UTF-8, too large."""


def read_folder(folder: Path) -> dict[str, str]:
    """Path, as seen from the folder, → text, of every policy file in the folder and below; BundleError."""
    if not folder.is_dir():
        raise BundleError(f"no policy folder at `{folder}`")
    texts: dict[str, str] = {}
    size = 0
    for path in sorted(policy_files(folder)):
        name = path.relative_to(folder).as_posix()
        texts[name] = read_file(path)
        size += len(texts[name])
        if size > BUNDLE_LIMIT:
            raise BundleError(f"the policies in `{folder}` have more than {BUNDLE_LIMIT} characters")
    if not texts:
        raise BundleError(f"no `*{SUFFIX}` file in `{folder}`")
    return texts


def policy_files(folder: Path) -> Iterator[Path]:
    """Every policy file, hidden folders left out; a folder that cannot be read is an error, or a deny might be lost."""
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if name.endswith(SUFFIX) and not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise BundleError(f"cannot read `{error.filename}`: {_why(error)}") from error


def _why(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()


def read_file(path: Path) -> str:
    """The text of one policy file; BundleError."""
    if path.exists() and not path.is_file():
        raise BundleError(f"`{path}` is no file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundleError(f"`{path}` is not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise BundleError(f"cannot read `{path}`: {_why(error)}") from error
