"""A process that records until it is killed: `python -m tests.service.decisions.writer FOLDER`.

Prints the ids of each batch on one line, after the spool has acknowledged it.
"""

import sys
from pathlib import Path

from service.config import SpoolSettings
from service.decisions.spool import Spool
from tests.service.decisions.records import samples


def main() -> None:
    """Records batches of three, in segments small enough that some are rotated away."""
    spool = Spool(Path(sys.argv[1]), SpoolSettings(segment_bytes=32_768))
    while True:
        records = samples(3)
        spool.record(records)
        sys.stdout.write(" ".join(record.id for record in records) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
