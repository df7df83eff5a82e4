"""Law: what an editor asks is answered about the text as it stands in the editor, across the files of the bundle."""

from pathlib import Path

import pytest

from tests.service.language_server.editor import Editor, Refused

TYPES = """module a
# Who asks.
principal type User { boss: User?, grade: enum(junior, senior) }
actions User { see }
"""
RULES = """module a
rule r: allow see on User to anyone
  when has resource.boss and resource.boss == principal and principal.grade == senior
"""


@pytest.fixture
def types(folder: Path) -> Path:
    """A file of types on the disk."""
    path = folder / "types.policy"
    path.write_text(TYPES)
    return path


@pytest.fixture
def rules(editor: Editor, folder: Path, types: Path) -> str:
    """A document with a rule that is open, and on no disk."""
    return editor.open(folder / "rules.policy", RULES)


def test_over_a_name_stands_its_type(editor: Editor, rules: str) -> None:
    found = editor.at("hover", rules, 2, 20)
    assert found == {
        "contents": {"kind": "markdown", "value": "```policy\nUser.boss: User?\n```\n\nStored, optional."},
        "range": {"start": {"line": 2, "character": 20}, "end": {"line": 2, "character": 24}},
    }


def test_a_name_leads_to_its_declaration_in_another_file(editor: Editor, rules: str, types: Path) -> None:
    assert editor.at("definition", rules, 2, 20) == [
        {
            "uri": types.as_uri(),
            "range": {"start": {"line": 2, "character": 22}, "end": {"line": 2, "character": 26}},
        }
    ]


def test_a_name_is_found_wherever_it_is_used(editor: Editor, rules: str, types: Path) -> None:
    found = editor.at("references", rules, 2, 20, context={"includeDeclaration": True})
    assert [(place["uri"], place["range"]["start"]) for place in found] == [
        (rules, {"line": 2, "character": 20}),
        (rules, {"line": 2, "character": 38}),
        (types.as_uri(), {"line": 2, "character": 22}),
    ]
    used = editor.at("references", rules, 2, 20, context={"includeDeclaration": False})
    assert [place["uri"] for place in used] == [rules, rules]
    assert len(editor.at("documentHighlight", rules, 2, 20)) == 2


def test_attributes_are_offered_behind_a_dot_that_nothing_follows(editor: Editor, rules: str) -> None:
    editor.change(rules, RULES.replace("resource.boss == principal and principal.grade == senior", "resource."))
    found = editor.at("completion", rules, 2, 38)
    assert [item["label"] for item in found["items"]] == ["boss", "grade", "id"]
    assert found["items"][0]["detail"] == "User.boss: User?"
    assert found["items"][0]["textEdit"] == {
        "range": {"start": {"line": 2, "character": 38}, "end": {"line": 2, "character": 38}},
        "newText": "boss",
    }


def test_a_rename_changes_every_file(editor: Editor, rules: str, types: Path) -> None:
    assert editor.at("prepareRename", rules, 2, 20)["placeholder"] == "boss"
    found = editor.at("rename", rules, 2, 20, newName="chief")
    changed = {
        (change["textDocument"]["uri"], change["textDocument"]["version"]): [
            (edit["range"]["start"]["line"], edit["range"]["start"]["character"], edit["newText"])
            for edit in change["edits"]
        ]
        for change in found["documentChanges"]
    }
    assert changed == {
        (rules, 1): [(2, 20, "chief"), (2, 38, "chief")],
        (types.as_uri(), None): [(2, 22, "chief")],
    }


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("1st", "`1st` is no name: a name has letters A–Z, digits and `_`, and begins with no digit"),
        ("grade", "attribute `grade` is declared twice (types.policy:3)"),
    ],
)
def test_a_rename_that_cannot_be_is_refused_with_the_reason(editor: Editor, rules: str, new: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        editor.at("rename", rules, 2, 20, newName=new)
    assert (str(refused.value), refused.value.code) == (why, -32803)


def test_a_word_of_the_language_is_not_even_asked_for_a_new_name(editor: Editor, rules: str) -> None:
    with pytest.raises(Refused, match="`resource` belongs to the language"):
        editor.at("prepareRename", rules, 2, 12)


def test_the_outline_shows_what_a_file_declares(editor: Editor, rules: str, types: Path) -> None:
    found = editor.request("textDocument/documentSymbol", {"textDocument": {"uri": editor.open(types)}})
    assert [(entry["name"], [inner["name"] for inner in entry.get("children") or []]) for entry in found] == [
        ("User", ["boss", "grade"]),
        ("actions User", ["see"]),
    ]


def formatted(editor: Editor, uri: str, text: str) -> str:
    """The text with the edits made that formatting asks for."""
    options = {"tabSize": 2, "insertSpaces": True}
    edits = editor.request("textDocument/formatting", {"textDocument": {"uri": uri}, "options": options}) or []
    lines = text.splitlines(keepends=True)
    for edit in reversed(edits):
        start, end = edit["range"]["start"], edit["range"]["end"]
        assert (start["character"], end["character"]) == (0, 0)
        lines[start["line"] : end["line"]] = [edit["newText"]]
    return "".join(lines)


def test_formatting_changes_the_lines_that_need_it(editor: Editor, folder: Path) -> None:
    text = "module a\n\n# Stays.\nlet x   = true\nlet y = false\n"
    uri = editor.open(folder / "a.policy", text)
    assert formatted(editor, uri, text) == text.replace("x   =", "x =")


def test_formatting_keeps_the_line_ends_of_the_text(editor: Editor, folder: Path) -> None:
    text = "module a\r\n\r\n# Stays.\r\nlet x   = true\r\nlet y = false\r\n"
    uri = editor.open(folder / "a.policy", text)
    assert formatted(editor, uri, text) == text.replace("x   =", "x =")


def test_text_that_does_not_parse_is_not_formatted(editor: Editor, folder: Path) -> None:
    text = "module a\nlet   x =\n"
    assert formatted(editor, editor.open(folder / "a.policy", text), text) == text


def test_what_was_meant_is_a_quick_fix(editor: Editor, rules: str) -> None:
    editor.change(rules, RULES.replace("has resource.boss", "has resource.bos"))
    everything = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    (action,) = editor.request(
        "textDocument/codeAction",
        {"textDocument": {"uri": rules}, "range": everything, "context": {"diagnostics": []}},
    )
    assert (action["title"], action["kind"]) == ("Change to `boss`", "quickfix")
    assert action["diagnostics"][0]["code"] == "E203"
    (edit,) = action["edit"]["changes"][rules]
    assert (edit["range"]["start"], edit["newText"]) == ({"line": 2, "character": 20}, "boss")


def test_where_no_name_stands_nothing_is_answered(editor: Editor, rules: str) -> None:
    assert editor.at("hover", rules, 0, 0) is None
    assert editor.at("definition", rules, 0, 0) == []
    assert editor.at("hover", rules, 99, 99) is None
