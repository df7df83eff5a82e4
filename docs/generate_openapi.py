"""Writes docs/openapi.json: the OpenAPI document that the HTTP door serves."""

from pathlib import Path
from typing import Final

from service.doors.http.openapi import written

PAGE: Final = Path(__file__).resolve().parent / "openapi.json"

if __name__ == "__main__":
    PAGE.write_bytes(written())
