"""Loads the policies of a folder; ConfigError where it gives no text, PolicyError where the text may not be loaded."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from policy_lang.bundle import Bundle
from policy_lang.folder import BundleError, read_file, read_folder
from policy_lang.loading import load
from service.errors import ConfigError

if TYPE_CHECKING:
    from service.model import ActivePolicies


def read_texts(folder: Path) -> dict[str, str]:
    """Path → text of every policy file of the folder."""
    try:
        return read_folder(folder)
    except BundleError as error:
        raise ConfigError(str(error)) from error


def read_paths(paths: Iterable[Path]) -> dict[Path, str]:
    """Path → text of those files and of every policy file of those folders, each once."""
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            found.update((path / name, text) for name, text in read_texts(path).items())
            continue
        try:
            found[path] = read_file(path)
        except BundleError as error:
            raise ConfigError(str(error)) from error
    return found


def load_bundle(folder: Path) -> Bundle:
    """The checked bundle of the folder, with the schema that facts are written by."""
    return load(read_texts(folder))


def activate(texts: Mapping[str, str]) -> "ActivePolicies":
    """The policies of those texts in all their forms."""
    # Here, for most commands that read policies compile none.
    from policy_lang.compiler import Compiled
    from policy_lang.interpreter import Interpreter
    from service.model import ActivePolicies

    bundle = load(texts)
    return ActivePolicies(bundle, Compiled(bundle.program), Interpreter(bundle.program))
