"""A guest confirms by the link while the scheduler releases the table: exactly one succeeds."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from models.entities import Reservation
from models.operations.deciding.due import lock_due
from tests.operations.deciding.test_read_and_lock import just_before_the_lock
from tests.operations.stand.test_unproved import confirm, in_order, minutes, release, two_tables
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.together import answers, together

RestaurantSpec = Callable[..., OpenRestaurant]


@pytest.mark.both
def test_a_guest_and_the_clock_at_once_come_to_one_end(
    db: Engine, restaurant: RestaurantSpec
) -> None:
    stand = two_tables(db, restaurant)
    ends = []
    for _ in range(6):
        number = stand.ask(2)

        def act(which: int, number: int = number) -> bool:
            if which:
                return release(stand, now=minutes(15)) > 0
            return confirm(stand, number, now=minutes(15))

        confirmed, released = answers(together(act, range(2)))
        assert confirmed != released
        row = stand.row(number)
        assert row.status == ("confirmed" if confirmed else "expired")
        assert bool(stand.held(number)) == confirmed
        ends.append(confirmed)
        assert in_order(stand, now=minutes(16))
        if confirmed:
            stand.cancel(number, now=minutes(16))
    print(f"confirmed {sum(ends)} of {len(ends)} times")


@pytest.mark.mariadb
def test_a_confirmation_just_before_the_lock_keeps_the_table(
    db: Engine, restaurant: RestaurantSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = two_tables(db, restaurant)
    number = stand.ask(2)
    just_before_the_lock(
        monkeypatch, "deciding.due", lambda: confirm(stand, number, now=minutes(15))
    )
    assert release(stand, now=minutes(15)) == 0
    assert stand.row(number).status == "confirmed"
    assert in_order(stand, now=minutes(16))


@pytest.mark.mariadb
def test_control_a_look_that_is_not_repeated_takes_a_confirmed_table(
    db: Engine, restaurant: RestaurantSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race exists: without the second check under the lock the confirmed guest loses."""
    stand = two_tables(db, restaurant)
    number = stand.ask(2)
    just_before_the_lock(
        monkeypatch, "deciding.due", lambda: confirm(stand, number, now=minutes(15))
    )

    def find_and_trust(*args: Any, limit: int) -> Any:
        return lock_due(*args, limit=limit)[0], (Reservation.id == number,)

    monkeypatch.setattr("models.operations.stand.unconfirmed.lock_due", find_and_trust)
    assert release(stand, now=minutes(15)) == 1
    assert stand.row(number).status == "expired"
