"""An evening with parties in every state."""

import pytest

from tests.e2e.stands import Evening


@pytest.fixture
def full_evening(evening: Evening) -> Evening:
    """Parties in every state: late, here, seated, gone, on the waitlist, at the door."""
    evening.book("Late Lovelace", quarters=-2, note="Nut allergy, and a long note about it")
    evening.book("Hopper", quarters=3, size=4, staff_note="Regular", details={"vip": True})
    evening.move(evening.book("Curie"), "arrive")
    for name, verb in (("Noether", "seat"), ("Meitner", "finish"), ("Franklin", "cancel")):
        made = evening.book(name, quarters=1)
        for step in ("seat", "finish") if verb == "finish" else (verb,):
            evening.move(made, step)
    evening.send("/door", {"party_size": 2, "guest": {"name": "Germain"}})
    tables = list(evening.restaurant.tables)[-1:]
    evening.send("/blocks", {"tables": tables, "reason": "a broken leg"})
    return evening
