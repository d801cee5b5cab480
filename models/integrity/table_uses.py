"""The use of one table by one party, derived by the integrity check from assignments and times."""

from dataclasses import dataclass

from models.rules.reservations.lifecycle import Status


@dataclass(frozen=True, slots=True)
class Use:
    """One table's use by one party: quarters, the last ones inclusive.

    `least` is the end of the turn and `most` the end of the reset buffer after it; they are equal
    for a party that left. `exact`: the buffer is that of the day of the decision.
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
        """Whether the party has the table, or will have it."""
        return self.status != Status.FINISHED
