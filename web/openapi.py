"""Write the committed OpenAPI document: `python -m web.openapi`."""

import sys
from pathlib import Path
from typing import Final

import orjson
from apiflask import APIFlask

from web.app import create_app

COMMITTED: Final = Path(__file__).parent / "openapi.json"


def document(app: APIFlask) -> bytes:
    """Return the document's text, which is deterministic: the same code gives the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(app.spec, option=options)


def main() -> None:
    """Write web/openapi.json."""
    COMMITTED.write_bytes(document(create_app()))
    sys.stdout.write(f"{COMMITTED}\n")


if __name__ == "__main__":
    main()
