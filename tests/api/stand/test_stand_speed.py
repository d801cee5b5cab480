"""A full day takes the pages of the stand little processor time."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select

from models.core.database.transactions import transaction
from models.entities import Reservation
from models.entities.sealed_guest import open_guest
from tests.api.conftest import PASSWORD, Client
from tests.api.stand.test_stand_sign_in import OWN
from tests.bench.day_book import fill_day, milliseconds

PARTIES = 500
VIEWS = ("/stand/full", "/stand/full/timeline", "/stand/full/floor")
BOOK = "/api/v1/restaurants/full/book"
#: a page takes at most so many times as long as decrypting its guests, which none can do without;
#: on a machine where that takes 1.6 ms, the pages and the book of the API take 40 to 48 ms
TIMES = 40


@pytest.mark.slow
def test_a_day_of_500_reservations_is_shown_in_little_time(
    client: Client, db: Engine, make_account: Callable[..., int]
) -> None:
    day = fill_day(db, PARTIES)
    make_account("host@example.com", {day.restaurant.id: "host"})
    form = {"email": "host@example.com", "password": PASSWORD}
    client.post("/stand/full/sign-in", data=form, headers=OWN)
    with transaction(db) as session:
        query = select(Reservation.guest_sealed, Reservation.reference)
        sealed = [(row[0], row[1]) for row in session.execute(query)]
    least = milliseconds(lambda: [open_guest(value, reference=name) for value, name in sealed])
    assert len(sealed) == PARTIES
    for path in (*VIEWS, BOOK):
        asked = f"{path}?date={day.date}"
        assert client.get(asked).text.count("Guest Number") >= PARTIES // 3
        took = milliseconds(lambda asked=asked: client.get(asked))  # type: ignore[misc]
        print(f"{path}: {took:.0f} ms, {took / least:.1f} times the decryption of {least:.1f} ms")
        assert took < TIMES * least, path
