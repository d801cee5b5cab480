"""What a host overrides, with a permission and a reason."""

from dataclasses import dataclass
from typing import Any

from models.core.errors import TooLarge, sentence
from models.operations.reservations.history import labels_of
from models.rules.deciding.capacity import most_at
from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import RestaurantSpec


@dataclass(frozen=True, slots=True)
class Force:
    """What the host overrides, and why (`text`).

    `squeeze`: the party may be larger than its tables seat. `overlap`: the turn of a party that has
    the table before is cut. `overbook`: the pacing is exceeded.
    """

    squeeze: bool = False
    overlap: bool = False
    text: str = ""
    overbook: bool = False

    def names(self) -> dict[str, bool]:
        """Return what is set, for the history."""
        named = {"squeeze": self.squeeze, "overlap": self.overlap, "overbook": self.overbook}
        return {name: value for name, value in named.items() if value}

    def detail(self) -> dict[str, Any]:
        """Return what is set, with the reason, for the history."""
        return self.names() | ({"text": self.text} if self.text else {})


#: Nothing is overridden.
NO_FORCE = Force()


def refuse_too_large(
    restaurant: RestaurantSpec, seats: Seats, *, party_size: int, who: str, force: Force
) -> None:
    """Raise TooLarge if the party is larger than the tables seat, unless it is squeezed in."""
    most = most_at(restaurant, seats)
    if party_size > most and not force.squeeze:
        names = " + ".join(labels_of(restaurant, seats))
        raise TooLarge(
            sentence(
                "too_large",
                "table {tables} seats up to {most}, and {who} is a party of {size}: squeeze it in "
                "with a reason, or add a table",
                tables=names,
                most=most,
                who=who,
                size=party_size,
            )
        )
