"""Export a restaurant as the text of a file that loads to the same restaurant."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import time, timedelta
from typing import Any

import tomlkit
from sqlalchemy.orm import Session
from tomlkit.items import Array, InlineTable

from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.day_rules import Approval, AreaClosure, DatePacing
from models.rules.restaurant.floor_place import place_to
from models.rules.restaurant.policy_storage import policies_to, turn_times_to
from models.rules.restaurant.restaurant import (
    AreaSpec,
    ClosureSpec,
    Pacing,
    RestaurantSpec,
    ShiftSpec,
    TableSpec,
)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNLIMITED = "unlimited"
#: The most days of one entry; the file allows no more.
_LONGEST = 366


def export_restaurant(session: Session, slug: str) -> str:
    """Return the restaurant's file as TOML, without inactive parts. Raises NotFound."""
    restaurant = restaurant_by_slug(session, slug)
    document = tomlkit.document()
    for name in ("slug", "name", "zone", "locale", "email", "phone", "address"):
        if value := getattr(restaurant, name):
            document.add(name, value)
    if restaurant.covers is not None:
        document.add("capacity", "covers")
        document.add("covers", restaurant.covers)
    if restaurant.features:
        document.add("features", _lines(asdict(each) for each in restaurant.features))
    if restaurant.areas:
        document.add("areas", _lines(_area(area) for area in restaurant.areas))
    if restaurant.tables:
        document.add("tables", _lines(_table(restaurant, table) for table in restaurant.tables))
    if restaurant.combinations:
        document.add("combinations", _lines(_combinations(restaurant)))
    if policies := _policies(restaurant):
        document.add("policies", tomlkit.item(policies))
    document.add("shifts", _blocks(_shift(shift) for shift in restaurant.shifts))
    if restaurant.closures or restaurant.area_closures:
        closures = [*_closures(restaurant), *map(_area_closure, restaurant.area_closures)]
        document.add("closures", _blocks(closures))
    if restaurant.date_pacing:
        document.add("pacing", _blocks(map(_date_pacing, restaurant.date_pacing)))
    if restaurant.approvals:
        document.add("approval", _blocks(map(_approval, restaurant.approvals)))
    return tomlkit.dumps(document)


def _lines(rows: Iterable[dict[str, Any]]) -> Array:
    """Return an array with one element per line."""
    array = tomlkit.array()
    for row in rows:
        line: InlineTable = tomlkit.inline_table()
        line.update(row)
        array.append(line)
    return array.multiline(True)


def _blocks(rows: Iterable[dict[str, Any]]) -> Any:
    blocks = tomlkit.aot()
    for row in rows:
        blocks.append(tomlkit.item(row))
    return blocks


def _area(area: AreaSpec) -> dict[str, Any]:
    row: dict[str, Any] = {"key": area.key, "name": area.name}
    return row | ({"turn_times": turn_times_to(area.turn_times)} if area.turn_times else {})


def _table(restaurant: RestaurantSpec, table: TableSpec) -> dict[str, Any]:
    row: dict[str, Any] = {"label": table.label, "area": restaurant.area_by_id[table.area_id].key}
    row |= {"min_party": table.min_party, "max_party": table.max_party}
    if table.priority:
        row["priority"] = table.priority
    if table.features:
        row["features"] = list(table.features)
    if not table.online:
        row["use"] = "walk_in" if table.walk_in else "in_house"
    return row | place_to(table.place)


def _combinations(restaurant: RestaurantSpec) -> Iterable[dict[str, Any]]:
    for each in restaurant.combinations:
        labels = [restaurant.table_by_id[table_id].label for table_id in each.table_ids]
        row: dict[str, Any] = {"label": each.label, "tables": labels}
        row |= {"min_party": each.min_party, "max_party": each.max_party}
        yield row | ({"priority": each.priority} if each.priority else {})


def _policies(restaurant: RestaurantSpec) -> dict[str, Any]:
    shape = policies_to(restaurant.policies)
    return shape | ({"pacing": _pacing(restaurant.policies.pacing)} if "pacing" in shape else {})


def _pacing(pacing: Pacing) -> dict[str, int | str]:
    row: dict[str, int | str] = {"covers": pacing.covers or _UNLIMITED}
    if pacing.parties is not None:
        row["parties"] = pacing.parties
    if pacing.online_covers is not None:
        row["online_covers"] = pacing.online_covers
    return row


def _shift(shift: ShiftSpec) -> dict[str, Any]:
    row: dict[str, Any] = {"key": shift.key, "name": shift.name}
    row |= {"first": _wall(shift.first), "last": _wall(shift.last)}
    row["ends"] = "24:00" if shift.ends == time() else _wall(shift.ends)
    if shift.on_date is None and len(shift.weekdays) < len(_DAYS):
        row["days"] = [_DAYS[day] for day in sorted(shift.weekdays)]
    for name in ("on_date", "valid_from", "valid_until", "buffer_minutes", "covers"):
        if (value := getattr(shift, name)) is not None:
            row[name] = value
    for name in ("may_run_over", "added"):
        if getattr(shift, name):
            row[name] = True
    if shift.turn_times is not None:
        row["turn_times"] = turn_times_to(shift.turn_times)
    return row if shift.pacing is None else row | {"pacing": _pacing(shift.pacing)}


def _closures(restaurant: RestaurantSpec) -> Iterable[dict[str, Any]]:
    """Yield the closures; consecutive days that are closed in the same way make one entry."""
    runs: list[list[ClosureSpec]] = []
    for closure in sorted(restaurant.closures, key=lambda each: (_alike(each), each.on_date)):
        last = runs[-1][-1] if runs else None
        follows = last and last.on_date + timedelta(days=1) == closure.on_date
        if last and follows and _alike(last) == _alike(closure) and len(runs[-1]) < _LONGEST:
            runs[-1].append(closure)
        else:
            runs.append([closure])
    for run in sorted(runs, key=lambda each: (each[0].on_date, _alike(each[0]))):
        first = run[0]
        row: dict[str, Any] = {"date": first.on_date}
        if len(run) > 1:
            row = {"from": first.on_date, "until": run[-1].on_date}
        row |= {"yearly": True} if first.yearly else {}
        row |= {"shift": first.shift_key} if first.shift_key else {}
        yield row | ({"reason": first.reason} if first.reason else {})


def _area_closure(closure: AreaClosure) -> dict[str, Any]:
    row: dict[str, Any] = {"area": closure.area_key, "date": closure.first}
    if closure.last != closure.first:
        row = {"area": closure.area_key, "from": closure.first, "until": closure.last}
    row |= {"yearly": True} if closure.yearly else {}
    row |= {"shift": closure.shift_key} if closure.shift_key else {}
    return row | ({"reason": closure.reason} if closure.reason else {})


def _date_pacing(each: DatePacing) -> dict[str, Any]:
    limits = {name: _UNLIMITED if value is None else value for name, value in each.limits}
    until = {} if each.last == each.first else {"until": _wall(each.last)}
    return {"date": each.on_date, "from": _wall(each.first), **until, **limits}


def _approval(each: Approval) -> dict[str, Any]:
    row: dict[str, Any] = {"min_party": each.min_party}
    row |= {"shift": each.shift_key} if each.shift_key else {}
    return row | ({"area": each.area_key} if each.area_key else {})


def _alike(closure: ClosureSpec) -> tuple[str, str, bool]:
    return closure.shift_key or "", closure.reason, closure.yearly


def _wall(value: time) -> str:
    return f"{value:%H:%M}"
