"""The rules of dates, seasons and approval in a file, in the form in which they are stored."""

from collections.abc import Iterator
from typing import Any

from models.operations.floor.shapes import RestaurantFile


def day_rules(file: RestaurantFile) -> dict[str, Any] | None:
    """Return the value of `Restaurant.day_rules`; None if the file has no such rules."""
    found = {
        "pacing": list(_pacing(file)),
        "area_closures": list(_area_closures(file)),
        "approvals": [each.model_dump(exclude_none=True) for each in file.approval],
        "features": [each.model_dump() for each in file.features],
    }
    return {name: rows for name, rows in found.items() if rows} or None


def _pacing(file: RestaurantFile) -> Iterator[dict[str, Any]]:
    for each in sorted(file.pacing, key=lambda shape: (shape.date, shape.first)):
        yield {
            "date": each.date.isoformat(),
            "from": f"{each.first:%H:%M}",
            "until": f"{each.first if each.until is None else each.until:%H:%M}",
            "limits": each.limits(),
        }


def _area_closures(file: RestaurantFile) -> Iterator[dict[str, Any]]:
    for each in file.closures:
        first, last = each.date or each.first, each.date or each.until
        if each.area is None or first is None or last is None:
            continue
        row: dict[str, Any] = {
            "area": each.area,
            "from": first.isoformat(),
            "until": last.isoformat(),
        }
        row |= {"shift": each.shift} if each.shift else {}
        row |= {"yearly": True} if each.yearly else {}
        yield row | ({"reason": each.reason} if each.reason else {})
