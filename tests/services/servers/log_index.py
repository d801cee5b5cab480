"""A small model of the logs' index template: the mapped fields, and what does not fit them."""

import json
from collections.abc import Iterator
from typing import Any

from tests.architecture.tree import ROOT

LOGS = ROOT / "deploy" / "logs"
_IS: dict[str, type | tuple[type, ...]] = {
    "keyword": str,
    "text": str,
    "date": str,
    "constant_keyword": str,
    "long": int,
    "float": (int, float),
    "boolean": bool,
}


def template() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((LOGS / "template.json").read_text())
    return found


def mapped() -> dict[str, str]:
    """Every field of the template with its type, by its full name."""

    def walk(properties: dict[str, Any], above: str) -> Iterator[tuple[str, str]]:
        for name, field in properties.items():
            if "type" in field:
                yield above + name, field["type"]
            yield from walk(field.get("properties", {}), f"{above}{name}.")

    return dict(walk(template()["template"]["mappings"]["properties"], ""))


def wrong_in(document: dict[str, Any], above: str = "") -> Iterator[str]:
    """Fields of this document that Elasticsearch would refuse or not index."""
    fields = mapped()
    for name, value in document.items():
        whole = above + name
        if isinstance(value, dict):
            yield from wrong_in(value, f"{whole}.")
        elif whole not in fields:
            yield f"{whole} is not mapped"
        elif value is not None:
            for each in value if isinstance(value, list) else [value]:
                is_flag = isinstance(each, bool) and fields[whole] != "boolean"
                if is_flag or not isinstance(each, _IS[fields[whole]]):
                    yield f"{whole} is {fields[whole]}, and no {each!r}"
