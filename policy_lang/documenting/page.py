"""Writes the page of a bundle: the same text for the same policies, in one order, whatever the order of files."""

from collections.abc import Iterator

from policy_lang.bundle import Bundle
from policy_lang.counts import counted
from policy_lang.decision import Effect
from policy_lang.documenting.declarations import relations, roles, types
from policy_lang.documenting.examples import examples
from policy_lang.documenting.markdown import codes
from policy_lang.documenting.rules import obligations, permissions
from policy_lang.syntax.parser import parse
from policy_lang.syntax.statements import File, Rule


def page(bundle: Bundle) -> str:
    """The page in Markdown."""
    trees = [parse(file).tree for file in bundle.files]
    return "\n".join(_lines(bundle, [tree for tree in trees if tree is not None])).rstrip() + "\n"


def _lines(bundle: Bundle, files: list[File]) -> Iterator[str]:
    program = bundle.program
    yield from ("# Policies", "", "Written by `magistrate policy docs`: change the policies, not this page.", "")
    yield from (_overview(bundle, files), "")
    yield from permissions(program)
    yield from roles(program.schema, _granting(files))
    yield from relations(program.schema, files)
    yield from obligations(program)
    yield from types(program.schema)
    yield from examples(program.tests)


def _overview(bundle: Bundle, files: list[File]) -> str:
    program = bundle.program
    rules = {rule.id: rule for found in program.rules.values() for rule in found}
    live = [rule for rule in rules.values() if not rule.is_shadow]
    allow = sum(rule.effect is Effect.ALLOW for rule in live)
    kinds = f"{allow} that allow", f"{len(live) - allow} that deny", f"{len(rules) - len(live)} in shadow"
    said = [
        counted(len(program.schema.types), "type"),
        counted(len(program.schema.roles), "role"),
        f"{counted(len(rules), 'rule')} ({', '.join(kinds)})",
        counted(program.test_count, "test"),
    ]
    modules = codes(sorted({file.module.text for file in files}))
    return f"In {modules}: {', '.join(said)}."


def _granting(files: list[File]) -> list[str]:
    """The rules that allow what roles grant."""
    return sorted(
        f"{file.module.text}.{each.id.text}"
        for file in files
        for each in file.statements
        if isinstance(each, Rule) and each.is_granted
    )
