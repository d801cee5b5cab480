"""A party at the door, and what it was sent."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.entities import DoorEntry, Message
from models.operations.door.joining import DoorRequest, join
from models.queries.door.waiting import read_line
from models.queries.floor.load import restaurant_by_id
from models.rules.door.hours import tonight
from models.rules.door.quotes import Quote
from models.rules.reservations.requests import GuestDetails
from tests.operations.evenings import a_stand
from tests.services.running.restaurant import Tables
from tests.services.running.stand import STAFF, START, Stand

ONE: Tables = {"1": ("hall", 1, 2)}
TWO: Tables = {"1": ("hall", 1, 2), "2": ("hall", 1, 2)}
DOOR = {"door_online": True, "lead_minutes": 0, "reminder_minutes": []}


def minutes(count: float) -> datetime:
    """So long after START."""
    return START + timedelta(minutes=count)


def door_stand(db: Engine, *, tables: Tables = ONE, slug: str = "demo", **policies: Any) -> Stand:
    return a_stand(db, slug=slug, tables=tables, policies=DOOR | policies)


def wait(
    stand: Stand,
    party_size: int = 2,
    *,
    now: datetime = START,
    actor: str = STAFF,
    phone: str | None = None,
    email: str | None = None,
    key: str = "",
    notify: bool = True,
) -> int:
    """Join the list; return the reservation's id."""
    guest = GuestDetails("Ada", email=email, phone=phone)

    def work(session: Session) -> int:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return join(
            session,
            restaurant,
            request=DoorRequest(party_size, guest),
            key=key or uuid.uuid4().hex,
            body=b"x",
            now=now,
            actor=actor,
            notify=notify,
        ).reservation_id

    return stand.do(work)


def line(stand: Stand, *, now: datetime) -> list[tuple[int, int | None]]:
    """The list in order: reservation, and its place."""
    return [(number, place) for number, place, _ in places(stand, now=now)]


def places(stand: Stand, *, now: datetime) -> list[tuple[int, int | None, Quote | None]]:
    """The list in order: reservation, place, wait from now on."""

    def work(session: Session) -> list[tuple[int, int | None, Quote | None]]:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        there = tonight(restaurant, now)
        return [
            (each.row.id, each.place, each.wait)
            for each in read_line(session, restaurant, there, now=now)
        ]

    return stand.do(work)


def entry(stand: Stand, number: int) -> DoorEntry:
    with Session(stand.bind) as session:
        return session.get_one(DoorEntry, number)


def sent(stand: Stand, number: int) -> list[tuple[str, str, str]]:
    """The party's messages: kind, channel, state."""
    row = Message
    query = select(row.kind, row.channel, row.state).where(row.reservation_id == number)
    with Session(stand.bind) as session:
        found = session.execute(query.order_by(row.id))
        return [(each.kind, each.channel, each.state) for each in found]
