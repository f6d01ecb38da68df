"""Writes the JSON Schemas that make editors complete rule and story files; with `--check` only says whether they are current."""

import json
import sys
from pathlib import Path

from rules import catalog, stories

SCHEMAS = {
    catalog.CATALOG / "schema.json": catalog.schema(),
    Path(__file__).parents[1] / "tests" / "stories" / "schema.json": stories.schema(),
}

if __name__ == "__main__":
    for file, schema in SCHEMAS.items():
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        if "--check" not in sys.argv[1:]:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.parent.name}/{file.name} is not current: run `make docs`")
