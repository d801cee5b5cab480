"""The parties that wait at the door, in order, and the floor that their waits follow from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.door import DoorEntry
from models.entities.reservations import Reservation
from models.queries.door.floor import read_floor
from models.queries.guest_book.vips import vips_among
from models.rules.deciding.seating import Seats, candidates
from models.rules.door.hours import Tonight, turn_of
from models.rules.door.plays import COVER, Stay, Waiting
from models.rules.door.quotes import Quote, newcomer_quotes, quotes
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.covers import most_covers
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting

#: A list is of one evening: older entries are the clock's to end.
RECENT: Final = timedelta(hours=18)


@dataclass(frozen=True, slots=True)
class InLine:
    """A party that waits. `place`: its number in the list; None: it did not come when called.

    `wait`: the wait from now on; None: no table suits it, or none for hours. `is_vip`: it comes
    before others for that.
    """

    row: Reservation
    entry: DoorEntry
    place: int | None
    wait: Quote | None
    is_vip: bool = False


def waiting_rows(
    session: Session, restaurant: RestaurantSpec, *, now: datetime
) -> list[tuple[Reservation, DoorEntry]]:
    """Return the waiting parties with their entries, in the order of the list.

    One query, and one more where VIPs come first.
    """
    return _in_order(session, restaurant, now=now)[0]


def _in_order(
    session: Session, restaurant: RestaurantSpec, *, now: datetime
) -> tuple[list[tuple[Reservation, DoorEntry]], frozenset[int]]:
    """Return the list, and who is first in it because of a VIP: not who was passed over."""
    rows = _in_order_of_arrival(session, restaurant.id, now=now)
    if not restaurant.policies.vip_first:
        return rows, frozenset()
    fresh = [row.id for row, entry in rows if entry.place_at == entry.joined_at]
    vips = vips_among(session, fresh)
    rows.sort(key=lambda pair: (pair[1].missed_at is not None, pair[0].id not in vips))
    return rows, vips


def _in_order_of_arrival(
    session: Session, restaurant_id: int, *, now: datetime
) -> list[tuple[Reservation, DoorEntry]]:
    query = (
        select(Reservation, DoorEntry)
        .join(DoorEntry, DoorEntry.reservation_id == Reservation.id)
        .where(
            DoorEntry.restaurant_id == restaurant_id,
            DoorEntry.joined_at > now - RECENT,
            Reservation.status == Status.WAITLISTED,
        )
        .order_by(DoorEntry.missed_at.is_not(None), DoorEntry.place_at, DoorEntry.reservation_id)
        .execution_options(populate_existing=True)
    )
    return [(row, entry) for row, entry in session.execute(query)]


def missed_calls(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Return the waiting parties that were called and did not come in time, oldest first."""
    query = (
        select(DoorEntry.reservation_id)
        .join(Reservation, Reservation.id == DoorEntry.reservation_id)
        .where(DoorEntry.ready_until <= now, Reservation.status == Status.WAITLISTED)
        .order_by(DoorEntry.ready_until, DoorEntry.reservation_id)
        .limit(limit)
    )
    return list(session.scalars(query))


def read_line(
    session: Session, restaurant: RestaurantSpec, there: Tonight | None, *, now: datetime
) -> list[InLine]:
    """Return the list with each party's place and wait.

    Four queries, and one more where VIPs come first.
    """
    rows, vips = _in_order(session, restaurant, now=now)
    if there is None:
        return [InLine(row, entry, None, None) for row, entry in rows]
    calling = [_called(restaurant, there.sitting, row, entry) for row, entry in rows]
    floor = read_floor(session, restaurant, there.sitting, now=now)
    stays = [*floor.stays, *filter(None, calling)]
    line = [pair for pair, called in zip(rows, calling, strict=True) if called is None]
    parties = _waiting(restaurant, there.sitting, [_party(row) for row, _ in line])
    waits = quotes(stays, parties, buffer=floor.buffer, turns=floor.turns)
    by_id = {row.id: wait for (row, _), wait in zip(line, waits, strict=True)}
    return [
        InLine(
            row,
            entry,
            None if entry.missed_at else place,
            by_id.get(row.id, Quote(0, 0)),
            is_vip=row.id in vips,
        )
        for place, (row, entry) in enumerate(rows, start=1)
    ]


def newcomers(
    session: Session,
    restaurant: RestaurantSpec,
    there: Tonight,
    line: Iterable[InLine],
    parties: Iterable[tuple[int, int | None]],
    *,
    now: datetime,
) -> list[Quote | None]:
    """Return the wait that each of these parties (size, area) would have if it joined now."""
    sitting = there.sitting
    known = [each for each in line if each.entry.missed_at is None]
    called = [_called(restaurant, sitting, each.row, each.entry) for each in known]
    floor = read_floor(session, restaurant, sitting, now=now)
    ahead = [
        _party(each.row) for each, is_called in zip(known, called, strict=True) if not is_called
    ]
    return newcomer_quotes(
        [*floor.stays, *filter(None, called)],
        _waiting(restaurant, sitting, ahead),
        _waiting(restaurant, sitting, parties),
        buffer=floor.buffer,
        turns=floor.turns,
    )


def seats_for(
    restaurant: RestaurantSpec, party_size: int, area_id: int | None
) -> tuple[Seats, ...]:
    """Return the tables that suit a party at the door, best first."""
    return candidates(restaurant, party_size, area_id=area_id, online=False, walk_in=True)


def _called(
    restaurant: RestaurantSpec, sitting: Sitting, row: Reservation, entry: DoorEntry
) -> Stay | None:
    """Return a called party as one that is about to sit at its tables."""
    seats = tuple(entry.ready_tables or ())
    if restaurant.covers is not None:
        seats = (COVER,) * row.party_size
    if entry.ready_until is None or not seats:
        return None
    turn = turn_of(restaurant, sitting, row.party_size)
    return Stay(seats, 0, turn, is_seated=False)


def _waiting(
    restaurant: RestaurantSpec, sitting: Sitting, parties: Iterable[tuple[int, int | None]]
) -> list[Waiting]:
    most = most_covers(restaurant, sitting.shift)
    return [
        Waiting(
            _places(restaurant, size, seats_for(restaurant, size, area)),
            turn_of(restaurant, sitting, size),
            most,
        )
        for size, area in parties
    ]


def _places(restaurant: RestaurantSpec, size: int, wanted: tuple[Seats, ...]) -> tuple[Seats, ...]:
    """Return what a play seats such a party at: tables, or as many covers."""
    return wanted if restaurant.covers is None or not wanted else ((COVER,) * size,)


def _party(row: Reservation) -> tuple[int, int | None]:
    return row.party_size, row.area_id
