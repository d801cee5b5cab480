"""The job on wall times: count moved parties, and fill in missing offsets."""

from datetime import datetime
from functools import partial
from typing import Any

from models.core.database.transactions import one_state, unit
from models.operations.wall_times.offsets import keep_wall_times
from models.queries.reservations.wall_times import moved_parties


def check_wall_times(now: datetime) -> dict[str, Any]:
    """Return `moved` (restaurant -> number of parties) and `filled`. Opens its own transactions.

    Counts first: offsets that are filled in by the current rules say nothing about earlier rules.
    """
    moved = one_state(partial(moved_parties, now=now))
    filled = 0
    while count := unit(partial(keep_wall_times, now=now)):
        filled += count
    return {"moved": moved, "filled": filled}
