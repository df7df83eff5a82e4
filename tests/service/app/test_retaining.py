"""The background process takes out what expired while it ships, and records that it did."""

import time
from dataclasses import replace
from pathlib import Path

from policy_lang.values import Ref
from service.app.background import run_background
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.db.versions import Kind
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.spool import Spool
from service.decisions.verification import verify_log
from service.retention_settings import RetentionSettings
from tests.service.beside import beside
from tests.service.decisions.records import sample
from tests.service.decisions.retention.aged import aged


def test_what_expired_goes_while_the_service_runs_and_the_note_is_recorded(tmp_path: Path) -> None:
    retention = RetentionSettings.model_validate({"default": "1d", "every_seconds": 0.05})
    settings = Settings(data=tmp_path / "data", replica_id="north", retention=retention)
    kinds: list[tuple[Kind, str]] = [("facts", settings.database_url), ("log", settings.log_database_url)]
    for kind, url in kinds:
        database = open_database(url)
        migrate(database, kind)
        database.close()
    old, new = aged(30), replace(sample(), principal=Ref("User", "bob"))
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record([old, new])
    spool.close()
    database = open_database(settings.log_database_url)
    log = DecisionLog(database)
    with beside(lambda stop: run_background(settings, stop, lambda _: None)) as running:
        while not (acts := log.query(LogFilter(action="magistrate.log.expire"), 10).records):
            assert running.is_alive()
            time.sleep(0.02)
    (act,) = acts
    assert (str(act.caller), str(act.resource), act.inputs["records"]) == ("magistrate.Service:retention", "note:1", 1)
    assert log.show(old.id) is None
    assert log.show(new.id) == new
    report = verify_log(database, None, ())
    database.close()
    assert (report.is_sound, report.chains[0].expired) == (True, 1)
