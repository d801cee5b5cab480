"""Restaurants, requests and backlogs for the benchmarks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import Engine, Table

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import transaction
from models.core.secrets.signing import contact_key, new_reference
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest, seal_guest
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, sittings_on
from models.rules.restaurant.turn_times import turn_minutes
from tests.bench.load import Post
from tests.services.running.restaurant import open_restaurant

#: no pacing: the tables are the limit, as in the prototypes
OPEN_PACE = {"pacing": {"covers": None, "parties": None, "online_covers": None}}


def tables(count: int) -> dict[str, tuple[str, int, int]]:
    """So many tables for 2, 4, 6 and 8 in two areas."""
    return {
        str(number): (
            "hall" if number % 3 else "terrace",
            1 if number % 2 else 2,
            (2, 4, 6, 8)[number % 4],
        )
        for number in range(count)
    }


def make_restaurants(
    bind: Engine, count: int, *, each: int = 30, prefix: str = "r"
) -> list[RestaurantSpec]:
    """Open `count` restaurants of `each` tables."""
    for number in range(count):
        open_restaurant(bind, slug=f"{prefix}{number}", tables=tables(each), policies=OPEN_PACE)
    with transaction(bind) as session:
        return [restaurant_by_slug(session, f"{prefix}{number}") for number in range(count)]


@dataclass
class Wishes:
    """Random requests over some restaurants and days, determined by the seed."""

    restaurants: Sequence[RestaurantSpec]
    days: int
    label: str
    random: random.Random

    def _sitting(self) -> tuple[RestaurantSpec, Sitting, int]:
        restaurant = self.random.choice(self.restaurants)
        first = datetime.now(UTC).date() + timedelta(days=2)
        day = first + timedelta(days=self.random.randrange(self.days))
        sitting = sittings_on(restaurant, day)[0]
        return restaurant, sitting, self.random.choice(sitting.starts)

    def post(self, number: int) -> Post:
        """One request for the API."""
        restaurant, _, quarter = self._sitting()
        start = datetime.fromtimestamp(quarter * QUARTER_SECONDS, restaurant.tz).isoformat()
        guest = {
            "name": f"Guest {number}",
            "email": f"{self.label}{number}@example.com",
            "phone": f"+4930{number:07d}",
        }
        body: dict[str, object] = {
            "party_size": self.random.randint(1, 8),
            "start": start,
            "guest": guest,
        }
        return Post(
            f"/api/v1/restaurants/{restaurant.slug}/reservations", body, f"{self.label}-{number}"
        )

    def row(self, number: int) -> dict[str, object]:
        """One request as a waiting row."""
        restaurant, sitting, quarter = self._sitting()
        size = self.random.randint(1, 8)
        start = datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
        minutes = turn_minutes(restaurant.policies, sitting.shift, party_size=size)
        return {
            "reference": new_reference(),
            "restaurant_id": restaurant.id,
            "book_id": sitting.book_id,
            "status": "requested",
            "revision": 1,
            "party_size": size,
            "starts_at": start,
            "ends_at": start + timedelta(minutes=minutes),
            "area_id": None,
            "waitlist": 1,
            "source": "online",
            "pacing_forced": 0,
            "guest_sealed": "",
            "guest_locale": "en",
            "awaited": 0,
            "created_at": datetime.now(UTC),
        }


def wishes(restaurants: Sequence[RestaurantSpec], *, days: int, label: str) -> Wishes:
    """Requests over these restaurants and days."""
    return Wishes(restaurants, days, label, random.Random(label))


def fill(bind: Engine, source: Wishes, count: int) -> None:
    """Write a backlog of `count` waiting requests with their contact keys."""
    rows = [source.row(number) for number in range(count)]
    with transaction(bind) as session:
        bulk_insert(session, cast("Table", Reservation.__table__), rows)
        guests = [_guest(source, number, str(row["reference"])) for number, row in enumerate(rows)]
        session.connection().exec_driver_sql(
            "UPDATE reservations SET email_key=%(email)s, phone_key=%(phone)s, "
            "guest_sealed=%(sealed)s WHERE reference=%(reference)s",
            guests,
        )


def _guest(source: Wishes, number: int, reference: str) -> dict[str, object]:
    email, phone = f"{source.label}{number}@example.com", f"+4930{number:07d}"
    return {
        "email": contact_key(email),
        "phone": contact_key(phone),
        "sealed": seal_guest(Guest(f"Guest {number}", email, phone), reference=reference),
        "reference": reference,
    }
