"""What the waits at the door follow from: the floor as it stands, and how long parties stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.evening import BlockedTable
from models.entities.reservations import Assignment, Reservation
from models.rules.deciding.seating import Seats, candidates
from models.rules.door.hours import buffer_of, turn_of
from models.rules.door.plays import COVER, LONGEST, Stay
from models.rules.door.turns import Turns, turns_from
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec, book_id
from models.rules.restaurant.sittings import Sitting, quarter_of

#: Turns are learnt from the same shift of so many days. Not of tonight: only the short ones are
#: over.
LEARNT_DAYS: Final = 14
_BEFORE: Final = timedelta(hours=18)
_AHEAD: Final = timedelta(minutes=2 * LONGEST)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_HOLDING: Final = sorted(status.value for status in HOLDING)


@dataclass(frozen=True, slots=True)
class FloorNow:
    """Who sits now or within the next hours, and the blocked tables; the turns of such evenings.

    `buffer`: minutes to reset a table.
    """

    stays: tuple[Stay, ...]
    turns: Turns
    buffer: int


def read_floor(
    session: Session, restaurant: RestaurantSpec, sitting: Sitting, *, now: datetime
) -> FloorNow:
    """Return the floor at this moment. Three queries."""
    buffer = buffer_of(restaurant, sitting)
    stays = _parties(session, restaurant, buffer, now=now)
    blocks = _blocks(session, restaurant, now=now)
    return FloorNow((*stays, *blocks), _turns(session, restaurant, sitting), buffer)


def _parties(
    session: Session, restaurant: RestaurantSpec, buffer: int, *, now: datetime
) -> list[Stay]:
    row, given = table_of(Reservation).c, table_of(Assignment).c
    query = (
        select(
            row.id,
            row.status,
            row.party_size,
            row.area_id,
            row.starts_at,
            row.seated_at,
            row.ends_at,
            row.tables_locked,
            given.dining_table_id,
        )
        .join_from(
            row.id.table,
            given.reservation_id.table,
            given.reservation_id == row.id,
            isouter=restaurant.covers is not None,
        )
        .where(
            row.restaurant_id == restaurant.id,
            row.status.in_(_HOLDING),
            row.starts_at.between(now - _BEFORE, now + _AHEAD),
        )
        .order_by(row.id, given.dining_table_id)
    )
    tables: dict[int, list[int]] = {}
    parties: dict[int, Any] = {}
    for found in session.execute(query):
        tables.setdefault(found.id, []).append(found.dining_table_id)
        parties[found.id] = found
    return [
        _stay(restaurant, party, _places(restaurant, party, tables[number]), buffer, now=now)
        for number, party in parties.items()
        if party.status == Status.SEATED or party.ends_at > now
    ]


def _places(restaurant: RestaurantSpec, party: Any, tables: Sequence[int]) -> Seats:
    """Return the party's tables; where covers are counted, one place for each."""
    return tuple(tables) if restaurant.covers is None else (COVER,) * party.party_size


def _stay(
    restaurant: RestaurantSpec, party: Any, seats: Seats, buffer: int, *, now: datetime
) -> Stay:
    sits = party.status == Status.SEATED
    begins = (party.seated_at or party.starts_at) if sits else party.starts_at
    others: Sequence[Seats] = ()
    if not sits and not party.tables_locked and restaurant.covers is None:
        others = candidates(restaurant, party.party_size, area_id=party.area_id, online=False)
    return Stay(
        seats,
        _minutes(begins, now),
        _minutes(party.ends_at, now),
        is_seated=sits,
        buffer=buffer,
        others=tuple(others),
    )


def _blocks(session: Session, restaurant: RestaurantSpec, *, now: datetime) -> list[Stay]:
    row, first = table_of(BlockedTable).c, quarter_of(now)
    query = select(row.dining_table_id, row.first_quarter, row.last_quarter).where(
        row.restaurant_id == restaurant.id,
        row.last_quarter >= first,
        row.first_quarter <= quarter_of(now + _AHEAD),
    )
    found = []
    for table, begin, last in session.execute(query):
        begins, ends = (
            _minutes(datetime.fromtimestamp(each * QUARTER_SECONDS, UTC), now)
            for each in (begin, last + 1)
        )
        found.append(Stay((table,), begins, ends, is_seated=False, is_fixed=True))
    return found


def _turns(session: Session, restaurant: RestaurantSpec, sitting: Sitting) -> Turns:
    """Return how long parties stayed, of the turn that they had by the rules or by the host."""
    row = table_of(Reservation).c
    books = [
        book_id(sitting.shift.id, sitting.service_date - days * _DAY)
        for days in range(1, LEARNT_DAYS + 1)
    ]
    query = select(row.party_size, row.turn_minutes, row.seated_at, row.finished_at).where(
        row.book_id.in_(books),
        row.status == Status.FINISHED,
        row.seated_at.is_not(None),
        row.finished_at.is_not(None),
    )
    return turns_from(
        (finished - seated) / _MINUTE / (chosen or turn_of(restaurant, sitting, size))
        for size, chosen, seated, finished in session.execute(query)
    )


def _minutes(at: datetime, now: datetime) -> int:
    return int((at - now) / _MINUTE)
