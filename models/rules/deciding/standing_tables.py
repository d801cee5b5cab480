"""Standing: objections about a party's area and tables, by the rules of `candidates`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, cast

from models.rules.deciding.objection import HERE, Code, Objection, Party
from models.rules.deciding.seating import Seats, candidates, is_for
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.features import Wants
from models.rules.restaurant.restaurant import RestaurantSpec

#: Results cached for one restaurant before the cache is cleared.
_REMEMBERED: Final = 50_000
_MEMO: Final = "standing"


def place_of(
    restaurant: RestaurantSpec,
    party: Party,
    before: RestaurantSpec | None,
    *,
    closed: frozenset[int],
) -> tuple[Objection, ...]:
    """The objections about its area and tables; cached for all parties seated alike.

    `closed`: the areas that are closed in its shift.
    """
    memo = cast("dict[object, tuple[Objection, ...]]", restaurant.memo.setdefault(_MEMO, {}))
    key = (
        party.party_size,
        party.table_ids,
        party.area_id,
        party.online,
        party.chosen,
        party.walk_in,
        party.wants.needs,
        party.status,
        before.revision if before else None,
        closed,
    )
    found = memo.get(key)
    if found is None:
        if len(memo) >= _REMEMBERED:
            memo.clear()
        found = memo[key] = tuple(_place(restaurant, party, before, closed))
    return found


def _place(
    restaurant: RestaurantSpec,
    party: Party,
    before: RestaurantSpec | None,
    closed: frozenset[int],
) -> Iterator[Objection]:
    area_gone = party.area_id is not None and party.area_id not in restaurant.area_by_id
    if area_gone and party.status not in HERE:
        known = before.area_by_id.get(party.area_id or 0) if before else None
        name = f"area {known.key}" if known else f"area #{party.area_id}"
        yield Objection(Code.AREA_GONE, name, f"{name} no longer exists")
    area_closed = party.area_id in closed and party.status not in HERE
    if area_closed:
        name = f"area {restaurant.area_by_id[party.area_id or 0].key}"
        yield Objection(Code.AREA_CLOSED, f"closure of {name}", f"{name} is closed then")
    if party.status in HOLDING:
        area_id = None if area_gone else party.area_id
        yield from _seats(restaurant, party, before, area_id=area_id, closed=closed)
    elif not (area_gone or area_closed or _offered(restaurant, party, closed)):
        words = f"no table or combination seats a party of {party.party_size}"
        area = restaurant.area_by_id.get(party.area_id or 0)
        about, where = (f"area {area.key}", f" in area {area.key}") if area else ("tables", "")
        yield Objection(Code.NOTHING_FITS, about, words + where)


def _offered(restaurant: RestaurantSpec, party: Party, closed: frozenset[int]) -> tuple[Seats, ...]:
    return candidates(
        restaurant,
        party.party_size,
        area_id=party.area_id,
        online=party.online,
        closed=closed,
        walk_in=party.walk_in,
        wants=Wants(party.wants.needs),
    )


def _seats(
    restaurant: RestaurantSpec,
    party: Party,
    before: RestaurantSpec | None,
    *,
    area_id: int | None,
    closed: frozenset[int],
) -> Iterator[Objection]:
    if not party.table_ids and restaurant.covers is None:
        yield Objection(Code.NO_TABLE, "", f"it is {party.status} but has no table")
    gone = [number for number in party.table_ids if number not in restaurant.table_by_id]
    for number in gone:
        known = before.table_by_id.get(number) if before else None
        name = f"table {known.label}" if known else f"table #{number}"
        yield Objection(Code.TABLE_GONE, name, f"{name} is not a table of this restaurant")
    if gone or party.chosen or not party.table_ids:
        return
    own = frozenset(party.table_ids)
    wanted = _offered(restaurant, replace(party, area_id=area_id), closed)
    if own not in map(frozenset, wanted):
        yield from _misfits(restaurant, party, area_id=area_id, closed=closed)


def _misfits(
    restaurant: RestaurantSpec, party: Party, *, area_id: int | None, closed: frozenset[int]
) -> Iterator[Objection]:
    """The problems of tables that are not `candidates` for such a party."""
    own = frozenset(party.table_ids)
    for number in party.table_ids:
        table = restaurant.table_by_id[number]
        name = f"table {table.label}"
        if area_id not in (None, table.area_id):
            asked, has = (
                restaurant.area_by_id[area_id or 0].key,
                restaurant.area_by_id.get(table.area_id),
            )
            words = f"it requested area {asked}; {name} is in area {has.key if has else 'unknown'}"
            yield Objection(Code.OTHER_AREA, name, words)
        if table.area_id in closed and party.status not in HERE:
            area = f"area {restaurant.area_by_id[table.area_id].key}"
            words = f"{name} is in {area}, which is closed then"
            yield Objection(Code.TABLE_CLOSED, f"closure of {area}", words)
        for need in sorted(set(party.wants.needs) - set(table.features)):
            yield Objection(Code.LACKS_FEATURE, name, f"{name} is not {need}, which it needs")
        if party.online and not table.online:
            yield Objection(Code.IN_HOUSE_ONLY, name, f"{name} is not offered online")
        elif not is_for(table, online=party.online, walk_in=party.walk_in):
            yield Objection(Code.WALK_IN_ONLY, name, f"{name} is for walk-ins only")
    anywhere = candidates(restaurant, party.party_size, area_id=None, online=False, walk_in=True)
    if own in map(frozenset, anywhere):
        return
    name = "table " + " + ".join(restaurant.table_by_id[each].label for each in party.table_ids)
    if len(own) == 1 or any(own == frozenset(each.table_ids) for each in restaurant.combinations):
        words = f"{name} is not for a party of {party.party_size}"
        yield Objection(Code.PARTY_RANGE, name, words)
    else:
        yield Objection(Code.NOT_JOINED, name, f"{name} cannot be joined")
