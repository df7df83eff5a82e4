"""A start says in the record how records are kept, where that is another way than at the start before."""

from pathlib import Path

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.stating import state_settings
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.shipper import Shipper
from service.errors import ConfigError
from service.model import DecisionRecord

YEAR: dict[str, Json] = {"default": "365d", "rules": [{"effect": "deny", "keep": "forever"}]}
KEPT: dict[str, Json] = {
    "default": "365d", "acts": "forever", "rules": [{"effect": "deny", "tenant": None, "keep": "forever"}],
}  # fmt: skip
EMAIL: dict[str, Json] = {"path": "User.email", "how": "remove"}
FOREVER: dict[str, Json] = {"default": "forever", "acts": "forever", "rules": []}


def settings_of(data: Path, retention: dict[str, Json], *masks: Json) -> Settings:
    return Settings.model_validate(
        {"data": data, "replica_id": "north", "retention": retention, "record": {"mask": list(masks)}}
    )


def stated(settings: Settings) -> tuple[DecisionRecord, ...]:
    """All that was stated, the oldest first."""
    database = open_database(settings.log_database_url)
    migrate(database, "log")
    Shipper(settings.spool_folder, database).ship()
    found = DecisionLog(database).query(LogFilter(action="magistrate.record.settings"), 10).records
    database.close()
    return found[::-1]


def test_what_is_kept_and_masked_is_stated_when_it_has_changed_and_not_again(tmp_path: Path) -> None:
    starts = [
        settings_of(tmp_path, YEAR),
        settings_of(tmp_path, YEAR),
        settings_of(tmp_path, YEAR, EMAIL),
        settings_of(tmp_path, {}),
        settings_of(tmp_path, {}),
    ]
    for settings in starts:
        state_settings(settings)

    told = stated(starts[-1])

    assert [(record.inputs["retention"], record.inputs["mask"]) for record in told] == [
        (KEPT, []),
        (KEPT, [EMAIL]),
        (FOREVER, []),
    ]
    assert {(record.caller, record.resource) for record in told} == {
        (Ref("magistrate.Service", "record"), Ref("replica", "north"))
    }
    assert (tmp_path / "stated" / "north").read_text() == told[-1].inputs["sha256"]


def test_where_the_log_lies_and_who_removes_from_it_is_not_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {**YEAR, "log_database": "postgresql://retention:hidden@db/log"})
    state_settings(settings)
    (segment,) = settings.spool_folder.glob("*")
    written = segment.read_bytes()
    assert b"365d" in written
    assert b"hidden" not in written


def test_a_start_that_cannot_remember_what_it_stated_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "stated").touch()
    with pytest.raises(ConfigError, match=r"cannot remember in `.*/stated/north`"):
        state_settings(settings_of(tmp_path, YEAR))
