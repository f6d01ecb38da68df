"""Writes settings.md from `anxin.settings.KEYS`; with `--check` only says whether it is current."""

import sys
from pathlib import Path

from anxin.settings import KEYS

PAGE = Path(__file__).with_name("settings.md")

HEAD = """\
# Settings

One TOML file (`./anxin.toml`, or `--config FILE`) and the same names in the environment, which stand above it;
the command line stands above both. What is written here as `mqtt.listen` is `listen = "…"` below `[mqtt]` in the
file and `ANXIN_MQTT__LISTEN` in the environment. A secret (s) may also be given as the path of a file that holds it:
`password_file = "…"`, `ANXIN_DEMO__PASSWORD_FILE`. Paths in the file are relative to the file.

A fault is one sentence: the key, where it came from, what is allowed. A name that is not in this list is a fault too.

| key | default | meaning | allowed |
| --- | --- | --- | --- |
"""

TAIL = """
An example:

```toml
data_dir = "/var/lib/anxin"
site = "site.yaml"

[mqtt]
listen = "0.0.0.0:1883"
username = "gateways"
password_file = "/etc/anxin/mqtt-password"
subscriptions = [
  {filter = "anxin/v1/+/+", dialect = "native"},
  {filter = "zigbee2mqtt/#", dialect = "zigbee2mqtt"},
]

[api]
listen = "0.0.0.0:8000"
public_url = "https://anxin.example.org"
```

<!-- Written by docs/make_settings.py (`make docs`); do not edit. -->
"""


def page() -> str:
    """The whole page."""
    rows = (
        f"| `{key.name}`{' (s)' if key.secret else ''} | {key.default} | {key.meaning} | {key.allowed} |\n"
        for key in KEYS
    )
    return HEAD + "".join(rows) + TAIL


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is not current: run make docs")
