"""Says what is to be shown as wrong in a bundle: its faults; its lints, where it has none.

While a file does not parse, nothing is known of names and types: files that did not change keep what was said of them.
"""

from policy_lang.diagnostics import Diagnostic
from policy_lang.editing.project import Findings, Project
from policy_lang.linting.linter import lint


def judge(project: Project, before: Project, earlier: Findings) -> Findings:
    """What is wrong, by file; `earlier` is what was found when the bundle was as before."""
    if project.is_sound:
        return project.by_file(project.examined.faults or lint(project.examined))
    return {path: found or _kept(path, project, before, earlier) for path, found in project.faults.items()}


def _kept(path: str, project: Project, before: Project, earlier: Findings) -> tuple[Diagnostic, ...]:
    is_unchanged = before.readings.get(path) is project.readings[path]
    return earlier.get(path, ()) if is_unchanged else ()
