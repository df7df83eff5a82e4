"""A process that ships until it is killed: `python -m tests.service.decisions.ship_until_killed FOLDER URL`."""

import sys
from pathlib import Path

from service.db.opening import open_database
from service.decisions.shipper import Shipper


def main() -> None:
    """Ships for ever."""
    shipper = Shipper(Path(sys.argv[1]), open_database(sys.argv[2]))
    while True:
        shipper.ship()


if __name__ == "__main__":
    main()
