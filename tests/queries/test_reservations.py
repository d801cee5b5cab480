"""One reservation as guests and staff may see it: four queries, whatever its history."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import NotFound
from models.queries.reservations.reservations import ReservationView, reservation_view
from models.rules.reservations.lifecycle import Status
from tests.operations.evenings import HOUR, ONE_TABLE, QUARTER, a_stand
from tests.services.counting import Statements
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both


def view(stand: Stand, number: int) -> ReservationView:
    with reading(stand.bind) as session:
        return reservation_view(session, number)


def test_a_confirmed_reservation_shows_its_tables(db: Engine) -> None:
    joined = {"3+4": (["3", "4"], 7, 8)}
    policies = {"cancel_cutoff_minutes": 45}
    stand = a_stand(db, combinations=joined, policies=policies)
    shown = view(stand, stand.ask(8, note="Window", phone="+49301", area_key="hall"))
    assert (shown.status, shown.revision, shown.tables) == (Status.CONFIRMED, 2, ("3", "4"))
    assert (shown.restaurant.slug, shown.area_key, shown.note) == ("demo", "hall", "Window")
    assert (shown.party_size, shown.starts_at, shown.source) == (8, START, "online")
    assert shown.ends_at == START + 9 * QUARTER
    assert (shown.guest_name, shown.guest_email, shown.guest_phone, shown.guest_locale) == (
        "Party 1",
        "party1@example.com",
        "+49301",
        "en",
    )
    assert (shown.created_at, shown.decided_at) == (NOW, NOW)
    assert (shown.reason, shown.alternatives, shown.change) == (None, (), None)
    assert (shown.cancel_cutoff_minutes, shown.waitlist) == (45, True)


def test_a_request_and_a_cancelled_reservation_show_no_tables(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.cancel(number)
    assert view(stand, number).tables == ()
    asked = view(stand, stand.request(2))
    assert (asked.status, asked.tables, asked.area_key) == (Status.REQUESTED, (), None)
    assert asked.decided_at is None


def test_a_declined_request_shows_why_and_what_else(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    shown = view(stand, stand.ask(waitlist=False))
    assert (shown.status, shown.reason) == (Status.DECLINED, "full")
    assert shown.alternatives == (
        START - 7 * QUARTER,
        START - 6 * QUARTER,
        START + 6 * QUARTER,
    )


def test_the_last_wish_is_shown_and_no_superseded_one(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.wish(number, party_size=3)
    wish = stand.wish(number, party_size=4, starts_at=START + HOUR, area_key="terrace")
    shown = view(stand, number).change
    assert shown is not None
    assert (shown.id, shown.status, shown.party_size) == (wish, "requested", 4)
    assert (shown.starts_at, shown.area_key, shown.reason) == (START + HOUR, "terrace", None)
    stand.drain()
    after = view(stand, number)
    assert (after.change and after.change.status, after.tables) == ("accepted", ("6",))


def test_a_refused_wish_shows_why_and_what_else(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    number = stand.ask(start=START - 7 * QUARTER)
    stand.change(number, starts_at=START - QUARTER)
    shown = view(stand, number).change
    assert shown is not None
    assert (shown.status, shown.reason) == ("refused", "full")
    # its own table counts as free; its own start (-7) is left out; the nearest three to 18:45
    assert shown.alternatives == (
        START - 8 * QUARTER,
        START - 6 * QUARTER,
        START + 6 * QUARTER,
    )


def test_nobody_is_not_found(db: Engine) -> None:
    with pytest.raises(NotFound):
        view(a_stand(db), 77)


def test_a_view_costs_four_queries(
    db: Engine, query_counter: Callable[[], AbstractContextManager[Statements]]
) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    for size in (1, 2, 1, 2):
        stand.change(number, party_size=size)
    view(stand, number)
    with query_counter() as statements:
        view(stand, number)
    shown: list[Any] = [text.split()[0] for text in statements.sql]
    assert shown == ["SELECT"] * 4
