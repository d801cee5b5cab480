"""The races again, over HTTP and with two real allocation workers."""

from collections import Counter
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from models.entities import TableOccupancy
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes
from tests.services.running.stack import UNPACED, Asked, Stack, evening, next_quarter
from tests.services.running.together import answers, together, until_taken

PARTIES = 50
ONE_TABLE = {"1": ("hall", 1, 2)}


def _quarters_held(stack: Stack, restaurant_id: int) -> int:
    query = select(func.count()).where(TableOccupancy.restaurant_id == restaurant_id)
    with stack.engine.connect() as connection:
        return connection.scalar(query) or 0


def _ask_at_once(
    stack: Stack, restaurant: OpenRestaurant, start: datetime, *, wait: int = 0
) -> list[Asked]:
    """Fifty guests; each asks again when the server is full (a slow disk is enough for that)."""

    def ask(number: int) -> Asked:
        mail, key = f"{number}@example.com", f"guest-{number}-of-{restaurant.id}"
        return until_taken(
            lambda: stack.post(
                restaurant, start=start, waitlist=False, wait=wait, email=mail, key=key
            )
        )

    return answers(together(ask, range(PARTIES)))


@pytest.mark.both
def test_fifty_guests_ask_for_the_last_table(stack: Stack) -> None:
    restaurant, start = stack.open_restaurant(tables=ONE_TABLE), evening()
    asked = _ask_at_once(stack, restaurant, start)
    assert Counter(each.status for each in asked) == {202: PARTIES}
    statuses = stack.wait_decided(each.id for each in asked)
    assert Counter(statuses.values()) == {"confirmed": 1, "declined": PARTIES - 1}
    assert _quarters_held(stack, restaurant.id) == 6
    stack.wait_quiet()
    assert not stack.findings()


@pytest.mark.both
def test_fifty_guests_wait_for_the_answer(stack: Stack) -> None:
    """With `Prefer: wait`: 201 for guests who could wait, 202 for the others; one gets a table."""
    restaurant, start = stack.open_restaurant(tables=ONE_TABLE), evening()
    asked = _ask_at_once(stack, restaurant, start, wait=5)
    assert {each.status for each in asked} <= {201, 202}
    statuses = stack.wait_decided(each.id for each in asked)
    assert Counter(statuses.values())["confirmed"] == 1
    told = [each for each in asked if each.body["status"] == "confirmed"]
    assert len(told) <= 1
    stack.wait_quiet()
    assert not stack.findings()


@pytest.mark.both
def test_many_changes_into_the_last_table(stack: Stack) -> None:
    restaurant, start = stack.open_restaurant(tables=ONE_TABLE), evening()
    starts = [start + timedelta(days=day, hours=hour) for day in range(1, 5) for hour in (-4, 0)]
    asked = [stack.post(restaurant, start=other) for other in starts]
    assert set(stack.wait_decided(each.id for each in asked).values()) == {"confirmed"}

    def wish(each: Asked) -> Asked:
        return until_taken(lambda: stack.patch(each, start=start.isoformat(), wait=5))

    patched = answers(together(wish, asked))
    assert {each.status for each in patched} <= {200, 202}
    stack.wait_quiet()
    with stack.engine.connect() as connection:
        held = connection.execute(
            select(TableOccupancy.reservation_id, func.count())
            .where(TableOccupancy.restaurant_id == restaurant.id)
            .group_by(TableOccupancy.reservation_id)
        ).all()
        first = int(start.timestamp()) // 900
        at_start = connection.scalars(
            select(TableOccupancy.reservation_id).where(
                TableOccupancy.restaurant_id == restaurant.id, TableOccupancy.quarter_hour == first
            )
        ).all()
    assert {row[0]: row[1] for row in held} == {each.id: 6 for each in asked}
    assert len(at_start) == 1
    stack.wait_quiet()
    assert not stack.findings()


@pytest.mark.both
def test_cancelled_tables_are_promised_once(stack: Stack) -> None:
    tables = {str(number): ("hall", 1, 2) for number in range(4)}
    restaurant, start = stack.open_restaurant(tables=tables), evening()
    seated = [stack.post(restaurant, start=start, wait=5) for _ in tables]
    assert set(stack.wait_decided(each.id for each in seated).values()) == {"confirmed"}
    waiting = [stack.post(restaurant, start=start) for _ in range(8)]
    assert set(stack.wait_decided(each.id for each in waiting).values()) == {"waitlisted"}

    cancelled = answers(together(stack.cancel, seated))
    assert {each.status for each in cancelled} == {200}
    stack.wait_quiet()
    found = stack.statuses(each.id for each in waiting)
    assert [found[each.id] for each in waiting] == ["confirmed"] * 4 + ["waitlisted"] * 4
    assert _quarters_held(stack, restaurant.id) == 4 * 6
    stack.wait_quiet()
    assert not stack.findings()


@pytest.mark.both
def test_one_key_fifty_times_makes_one_reservation(stack: Stack) -> None:
    restaurant, start = stack.open_restaurant(), evening()

    def ask(_: int) -> Asked:
        return until_taken(
            lambda: stack.post(restaurant, start=start, key="same-for-all", email="ada@example.com")
        )

    asked = answers(together(ask, range(PARTIES)))
    assert {each.status for each in asked} == {202}
    assert len({each.id for each in asked}) == 1
    replayed = [each for each in asked if each.headers.get("Idempotency-Replayed")]
    assert len(replayed) == PARTIES - 1
    stack.wait_quiet()
    assert not stack.findings()


@pytest.mark.both
def test_hosts_seat_several_parties_at_one_table(stack: Stack) -> None:
    tables = {"window": ("hall", 3, 6)} | {str(number): ("hall", 1, 2) for number in range(6)}
    restaurant = stack.open_restaurant(
        tables=tables,
        shifts={"all-day": ShiftTimes(first=time(0), last=time(23, 45))},
        policies=UNPACED | {"lead_minutes": 0},
    )
    asked = [stack.post(restaurant, start=next_quarter(), wait=5) for _ in range(6)]
    assert set(stack.wait_decided(each.id for each in asked).values()) == {"confirmed"}
    token = stack.sign_in_as_host(restaurant)

    def seat(each: Asked) -> Asked:
        return stack.staff("POST", f"/reservations/{each.id}/seat", token, tables=["window"])

    seated = answers(together(seat, asked))
    assert Counter(each.status for each in seated) == {200: 1, 409: 5}
    assert Counter(stack.statuses(each.id for each in asked).values()) == {
        "seated": 1,
        "confirmed": 5,
    }
    stack.wait_quiet()
    assert not stack.findings()
