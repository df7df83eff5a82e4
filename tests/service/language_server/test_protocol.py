"""Laws: the server keeps to the protocol, counts columns as agreed, and outlives what is no message."""

from pathlib import Path

import pytest
from lsprotocol.types import Position

from policy_lang.editing.candidates import Candidate
from policy_lang.editing.completion import Completion
from policy_lang.editing.names import GIVEN, Kind
from policy_lang.editing.outline import Entry
from policy_lang.source import SourceFile, Span
from service.language_server.answers import Writer
from service.language_server.lines import Lines
from tests.service.language_server.editor import SECONDS, Editor, Refused, editing, starting

TEXT = "module a\nprincipal type User { name: string }\nactions User { see }\n"
RULE = 'rule r: deny see on User when resource.name == "😀é" and principal.name == resource.nam\n'


def test_the_server_says_what_it_can_and_ends_when_told() -> None:
    with starting() as editor:
        able = {"textDocument": {"rename": {"prepareSupport": True}}}
        answer = editor.request("initialize", {"processId": None, "capabilities": able, "rootUri": None})
        editor.request("shutdown")
        editor.notify("exit")
        assert editor.process.wait(SECONDS) == 0
    offered = answer["capabilities"]
    assert answer["serverInfo"]["name"] == "magistrate"
    assert offered["positionEncoding"] == "utf-16"
    assert offered["textDocumentSync"]["change"] == 1
    assert offered["completionProvider"]["triggerCharacters"] == ["."]
    assert offered["renameProvider"] == {"prepareProvider": True}
    simple = ("hover", "definition", "references", "documentHighlight", "documentSymbol", "documentFormatting")
    assert all(offered[f"{name}Provider"] for name in simple)


def test_a_refusal_is_an_answer_and_nothing_in_the_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, starting(log) as editor:
        editor.request("initialize", {"processId": None, "capabilities": {}, "rootUri": None})
        uri = editor.open_uri("untitled:one", TEXT)
        with pytest.raises(Refused, match="there is no name here"):
            editor.at("rename", uri, 0, 0, newName="x")
    assert (tmp_path / "log").read_bytes() == b""


def test_an_exit_without_shutdown_ends_it_too(tmp_path: Path) -> None:
    with editing(tmp_path) as editor:
        editor.notify("exit")
        assert editor.process.wait(SECONDS) == 1


IN_BYTES = len(RULE.partition("nam\n")[0].encode())
IN_UTF_16 = len(RULE.partition("nam\n")[0].encode("utf-16-le")) // 2


def test_columns_count_in_bytes_where_that_is_agreed_on(tmp_path: Path) -> None:
    with editing(tmp_path, encodings=["utf-8"]) as editor:
        uri = editor.open(tmp_path / "a.policy", TEXT + RULE)
        (finding,) = editor.findings(uri)
        assert finding["range"]["start"] == {"line": 3, "character": IN_BYTES}
        over = editor.at("hover", uri, 3, IN_BYTES - 4)
        assert over["range"]["end"] == {"line": 3, "character": IN_BYTES - 1}


def test_lines_may_end_as_they_like(editor: Editor, folder: Path) -> None:
    uri = editor.open(folder / "a.policy", (TEXT + RULE).replace("\n", "\r\n"))
    (finding,) = editor.findings(uri)
    assert finding["range"]["start"] == {"line": 3, "character": IN_UTF_16}


@pytest.mark.parametrize(
    ("text", "offset", "line", "character"),
    [
        ("a\r\nb\rc\nd", 0, 0, 0),
        ("a\r\nb\rc\nd", 1, 0, 1),
        ("a\r\nb\rc\nd", 3, 1, 0),
        ("a\r\nb\rc\nd", 5, 2, 0),
        ("a\r\nb\rc\nd", 7, 3, 0),
        ("a\r\nb\rc\nd", 8, 3, 1),
        ("a\u2028b\x0cc", 4, 0, 4),
        ("😀x", 1, 0, 2),
        ("\n", 1, 1, 0),
        ("", 0, 0, 0),
    ],
)
def test_a_place_is_a_line_and_a_column_and_back(text: str, offset: int, line: int, character: int) -> None:
    lines = Lines(text, "utf-16")
    assert lines.position(offset) == Position(line, character)
    assert lines.offset(Position(line, character)) == offset


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 6), ("utf-16", 3), ("utf-32", 2)])
def test_a_column_counts_units(encoding: str, column: int) -> None:
    lines = Lines("é😀x", encoding)
    assert lines.position(2) == Position(0, column)
    assert lines.offset(Position(0, column)) == 2


PAST = {"a line": (0, 99, 1), "the end": (99, 0, 5), "half a pair": (1, 1, 4)}


@pytest.mark.parametrize(("line", "character", "offset"), PAST.values(), ids=PAST)
def test_a_column_past_something_is_its_end(line: int, character: int, offset: int) -> None:
    assert Lines("a\r\n😀x", "utf-16").offset(Position(line, character)) == offset


NO_MESSAGES = {
    "cut off": b"{",
    "a list": b"[]",
    "null": b"null",
    "no text": b"\xff\xfe",
    "nothing": b'{"jsonrpc":"2.0"}',
    "wrong params": b'{"jsonrpc":"2.0","method":"textDocument/didOpen","params":3}',
    "unknown notification": b'{"jsonrpc":"2.0","method":"no/such"}',
    "no question": b'{"jsonrpc":"2.0","id":7777,"result":null}',
}


@pytest.mark.parametrize("body", NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_what_is_no_message_is_left_out(editor: Editor, folder: Path, body: bytes) -> None:
    editor.send_bytes(body)
    uri = editor.open(folder / "a.policy", TEXT)
    assert editor.at("hover", uri, 1, 16)["contents"]["value"].startswith("```policy\nprincipal type User")


def test_an_unknown_request_is_refused(editor: Editor) -> None:
    with pytest.raises(Refused) as refused:
        editor.request("no/such", {})
    assert refused.value.code == -32601


def test_a_request_with_wrong_params_is_refused_and_the_next_answered(editor: Editor, folder: Path) -> None:
    uri = editor.open(folder / "a.policy", TEXT)
    with pytest.raises(Refused):
        editor.at("rename", uri, 1, 16, newName="when")
    assert editor.at("definition", uri, 2, 9)[0]["uri"] == uri


def test_two_workspace_folders_hold_two_bundles(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "types.policy").write_text(TEXT)
    with editing(tmp_path / "one", tmp_path / "two") as editor:
        for name in ("one", "two"):
            uri = editor.open(tmp_path / name / "rules.policy", "module a\n" + RULE)
            assert [found["code"] for found in editor.findings(uri)] == ["E203"]


def test_a_path_may_have_any_characters(editor: Editor, folder: Path) -> None:
    odd = folder / "a #%41 ;?é 😀"
    odd.mkdir()
    (odd / "types.policy").write_text(TEXT)
    uri = editor.open(odd / "rules.policy", "module a\n" + RULE)
    assert [found["code"] for found in editor.findings(uri)] == ["E203"]
    assert editor.at("definition", uri, 1, 20)[0]["uri"] == (odd / "types.policy").as_uri()


def test_every_kind_of_name_can_be_shown() -> None:
    for kind in Kind:
        item = Writer({}, "utf-16").completion(Completion(0, (Candidate("x", kind),)), SourceFile("a", ""), 0)
        assert item.items[0].kind is not None
    file = SourceFile("a.policy", "x")
    for kind in set(Kind) - {Kind.MODULE, Kind.MEMBER, *GIVEN}:
        span = Span(file, 0, 1)
        assert Writer({}, "utf-16").symbol(Entry("x", kind, span, span)).kind is not None
