"""Writes openapi.json, the HTTP interface as the service itself tells it; with `--check` only says whether it is current.

The types of the screens (`web/src/api/schema.ts`) are made from it by `npm run client`; `npm run check` compares.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from care.clock import ManualClock
from care.stream import MemoryStream
from dashboard_api.app import create_app

PAGE = Path(__file__).with_name("openapi.json")


def page() -> str:
    """The whole document: what `GET /openapi.json` answers, in lines that can be compared."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    app = create_app(stream=MemoryStream(), clock=clock)
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is not current: run make docs, then npm run client in web/")
