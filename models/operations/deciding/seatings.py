"""A party at its tables as rows: what it is assigned, and the quarters it occupies."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import QUARTER_SECONDS


def moment(quarter: int) -> datetime:
    """Return the start of a UTC quarter."""
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)


@dataclass(frozen=True, slots=True)
class Seating:
    """A party at its tables, from the quarter `start` on for `held` quarters."""

    restaurant_id: int
    reservation_id: int
    seats: Seats
    start: int
    held: int

    def given(self) -> list[dict[str, Any]]:
        """Return its rows of `assignments`."""
        number = self.reservation_id
        return [{"reservation_id": number, "dining_table_id": table} for table in self.seats]

    def quarters(self) -> list[dict[str, Any]]:
        """Return its rows of `table_occupancy`."""
        return [
            {
                "dining_table_id": table,
                "quarter_hour": quarter,
                "reservation_id": self.reservation_id,
                "restaurant_id": self.restaurant_id,
            }
            for table in self.seats
            for quarter in range(self.start, self.start + self.held)
        ]
