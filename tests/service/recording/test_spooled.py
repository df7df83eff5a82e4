"""What is masked is in no byte of the spool: it is left out before the record is written."""

from pathlib import Path

from service.config import SpoolSettings
from service.decisions.frames import read_run
from service.decisions.payload import decode_batch
from service.decisions.segments import reading, segments
from service.decisions.spool import Spool
from service.record_settings import RecordSettings
from service.recording.contents import Contents
from tests.service.point import asking, build_point
from tests.service.recording.test_masks import KEY, mac

SETTINGS = RecordSettings.model_validate(
    {
        "mask": [
            {"path": "context.ip", "how": "remove"},
            {"path": "resource.weight", "how": "hash"},
            {"path": "resource.buyer", "how": "remove"},
        ],
        "mask_key_file": "unread",
    }
)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_no_masked_value_reaches_the_spool(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, SpoolSettings())
    point = build_point(tmp_path, spool, contents=Contents(SETTINGS, KEY))

    for action, order in (("audit", "o1"), ("refund", "heavy"), ("read", "theirs")):
        point.check("pep", asking(action, order, as_user="alice", context={"ip": "10.9.8.7"}))
    spool.close()

    written = bytes_of(folder)
    for secret in (b"10.9.8.7", b'weight":500', b"not-to-be-seen", b'"id":"bob"'):
        assert secret not in written
    (path,) = segments(folder)
    with reading(path) as segment:
        run = read_run(segment.descriptor, 0, 1 << 20)
    audit, refund, read = (record for frame in run.frames for record in decode_batch(frame.payload))
    assert audit.inputs == {"principal.suspended": False, "resource.weight": mac("5")}
    assert {mask.path: mask.how.value for mask in audit.masked} == {
        "context.ip": "removed",
        "principal.secret": "sensitive",
        "resource.weight": "hashed",
    }
    assert refund.inputs["resource.weight"] == mac("500")
    assert "resource.buyer" not in read.inputs
