"""One table's use by one party, as a check works it out from assignments and times."""

from dataclasses import dataclass

from models.rules.reservations.lifecycle import Status


@dataclass(frozen=True, slots=True)
class Use:
    """One table's use by one party: quarters, the last ones inclusive.

    `least` ends the turn and `most` the reset buffer behind it; they are the same for a party
    that left. `exact`: the buffer is that of the day it was decided.
    """

    table_id: int
    reservation_id: int
    status: str
    begin: int
    least: int
    most: int
    exact: bool
    restaurant_id: int = 0

    @property
    def is_holding(self) -> bool:
        """Whether the party still has the table, or will have it."""
        return self.status != Status.FINISHED
