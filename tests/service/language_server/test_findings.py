"""Law: what an editor shows as wrong is what `policy check` would say of the text that it holds."""

from pathlib import Path

from tests.service.language_server.editor import Editor

SOUND = "module a\nprincipal type User { boss: User? }\nactions User { see }\n"
RULE = "module a\nrule r: allow see on User to anyone when has resource.boss\n"


def codes(findings: list[dict[str, object]]) -> list[object]:
    """The codes of findings."""
    return [found["code"] for found in findings]


def test_a_finding_has_its_code_place_and_help(editor: Editor, folder: Path) -> None:
    uri = editor.open(
        folder / "a.policy", SOUND + RULE.removeprefix("module a\n").replace("resource.boss", "resource.bos")
    )
    assert editor.findings(uri) == [
        {
            "range": {"start": {"line": 3, "character": 54}, "end": {"line": 3, "character": 57}},
            "severity": 1,
            "code": "E203",
            "source": "magistrate",
            "message": "unknown attribute `bos` of `User`\nhelp: did you mean `boss`?",
        }
    ]


def test_lints_are_warnings_and_what_is_unused_is_greyed_out(editor: Editor, folder: Path) -> None:
    uri = editor.open(folder / "a.policy", SOUND + RULE.removeprefix("module a\n") + "let idle = true\n")
    (finding,) = editor.findings(uri)
    assert (finding["code"], finding["severity"], finding["tags"]) == ("W301", 2, [1])


def test_a_change_of_one_file_shows_in_another_and_goes_again(editor: Editor, folder: Path) -> None:
    (folder / "rules.policy").write_text(RULE)
    rules = (folder / "rules.policy").as_uri()
    types = editor.open(folder / "types.policy", SOUND)
    editor.change(types, SOUND.replace("boss", "chief"))
    assert codes(editor.findings(rules)) == ["E203"]
    editor.change(types, SOUND, version=3)
    assert editor.findings(rules) == []


def test_a_second_declaration_shows_where_the_first_is(editor: Editor, folder: Path) -> None:
    (folder / "types.policy").write_text(SOUND)
    uri = editor.open(folder / "more.policy", "module a\ntype User {}\n")
    editor.findings(uri)
    types = (folder / "types.policy").as_uri()
    (finding,) = editor.findings(types)
    (related,) = finding["relatedInformation"]
    assert related["message"] == "`User` is declared here too"
    assert (related["location"]["uri"], related["location"]["range"]["start"]) == (uri, {"line": 1, "character": 5})


def test_a_file_that_does_not_parse_leaves_the_findings_of_others(editor: Editor, folder: Path) -> None:
    (folder / "rules.policy").write_text(RULE.replace("boss", "bos"))
    rules = (folder / "rules.policy").as_uri()
    types = editor.open(folder / "types.policy", SOUND)
    assert codes(editor.findings(rules)) == ["E203"]
    editor.change(types, SOUND + "let x =")
    assert codes(editor.findings(types, version=2)) == ["E101"]
    editor.change(types, SOUND.replace("boss", "bos"), version=3)
    assert editor.findings(rules) == []


def test_what_changes_on_the_disk_counts_when_the_editor_says_so(editor: Editor, folder: Path) -> None:
    uri = editor.open(folder / "rules.policy", RULE)
    assert codes(editor.findings(uri)) == ["E314"]
    (folder / "types.policy").write_text(SOUND)
    changes = [{"uri": (folder / "types.policy").as_uri(), "type": 1}]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    assert editor.findings(uri) == []


def test_a_closed_document_is_again_what_the_disk_has(editor: Editor, folder: Path) -> None:
    (folder / "types.policy").write_text(SOUND)
    (folder / "rules.policy").write_text(RULE)
    editor.open(folder / "types.policy")
    rules = editor.open(folder / "rules.policy", RULE.replace("boss", "bos"))
    assert codes(editor.findings(rules, version=1)) == ["E203"]
    editor.notify("textDocument/didClose", {"textDocument": {"uri": rules}})
    assert editor.findings(rules) == []


def test_a_file_that_cannot_be_read_says_so_at_its_top(editor: Editor, folder: Path) -> None:
    (folder / "bad.policy").write_bytes(b"module a\xff\n")
    editor.open(folder / "types.policy", SOUND)
    (finding,) = editor.findings((folder / "bad.policy").as_uri())
    assert finding["range"]["start"] == {"line": 0, "character": 0}
    assert finding["message"] == f"`{folder / 'bad.policy'}` is not UTF-8 (byte 8)"


def test_a_folder_within_a_bundle_belongs_to_it(editor: Editor, folder: Path) -> None:
    (folder / "types.policy").write_text(SOUND)
    (folder / "more").mkdir()
    uri = editor.open(folder / "more" / "rules.policy", RULE.replace("boss", "bos"))
    assert codes(editor.findings(uri)) == ["E203"]


def test_a_folder_that_joins_the_workspace_takes_its_files_with_it(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "types.policy").write_text(SOUND)
    (tmp_path / "more").mkdir()
    uri = editor.open(tmp_path / "more" / "rules.policy", RULE)
    assert codes(editor.findings(uri)) == ["E314"]
    added = [{"uri": tmp_path.as_uri(), "name": "more"}]
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": added, "removed": []}})
    assert editor.findings(uri) == []


def test_a_document_on_no_disk_is_a_bundle_of_its_own(editor: Editor) -> None:
    uri = editor.open_uri("untitled:Untitled-1", RULE)
    assert codes(editor.findings(uri)) == ["E314"]
    assert editor.at("hover", uri, 1, 5)["contents"]["value"] == "```policy\nrule a.r: allow see on User\n```"


def test_one_file_of_two_hundred_is_read_again(editor: Editor, folder: Path) -> None:
    for number in range(200):
        rules = "".join(f"rule r{rule}: allow see on User to anyone when fine\n" for rule in range(10))
        (folder / f"m{number}.policy").write_text(f"module m{number}\nlet fine = true\n{rules}")
    (folder / "types.policy").write_text(SOUND)
    uri = editor.open(folder / "m7.policy")
    editor.wait_for("window/logMessage", message="checked 201 files, read 201 of them again")
    editor.change(uri, "module m7\nlet fine = false\n")
    editor.wait_for("window/logMessage", message="checked 201 files, read 1 of them again")
    assert editor.at("hover", uri, 1, 5)["contents"]["value"] == "```policy\nlet m7.fine: bool = false\n```"


def test_changes_in_quick_succession_are_judged_once(editor: Editor, folder: Path) -> None:
    uri = editor.open(folder / "a.policy", SOUND)
    for version in range(2, 40):
        editor.change(uri, f"{SOUND}let x{version} = y\n", version)
    (finding,) = editor.findings(uri, version=39)
    assert finding["message"] == "unknown name `y`"
    published = [message for message in editor.told if message.get("params", {}).get("uri") == uri]
    assert len(published) <= 1
