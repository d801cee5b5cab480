"""The restaurant of the day: 28 tables, 90 seats, lunch and dinner."""

from datetime import time
from typing import Any, Final

from tests.services.running.restaurant import Combinations, ShiftTimes, Tables

TABLES: Final[Tables] = (
    {f"H{number}": ("hall", 1, 2) for number in range(1, 11)}
    | {f"H{number}": ("hall", 2, 4) for number in range(11, 19)}
    | {f"H{number}": ("hall", 4, 6) for number in range(19, 22)}
    | {f"T{number}": ("terrace", 1, 2) for number in range(1, 5)}
    | {f"T{number}": ("terrace", 2, 4) for number in range(5, 8)}
)
COMBINATIONS: Final[Combinations] = {
    "H11+H12": (("H11", "H12"), 5, 8),
    "H13+H14": (("H13", "H14"), 5, 8),
    "H20+H21": (("H20", "H21"), 8, 12),
}
SHIFTS: Final = {
    "lunch": ShiftTimes(first=time(11, 30), last=time(14), ends=time(16)),
    "dinner": ShiftTimes(first=time(17), last=time(21, 45), ends=time(0)),
}
POLICIES: Final[dict[str, Any]] = {
    "pacing": {"covers": 26},
    "max_party_online": 8,
    "waitlist_parties": 25,
    "door_online": True,
    "turn_times": [[2, 75], [4, 90], [8, 105], [999, 120]],
}
#: requests of so many guests for the dinner need the staff's approval
APPROVALS: Final = [{"min_party": 6, "shift": "dinner"}]
