"""Example bodies for the OpenAPI document. They are valid once their start is near enough."""

from typing import Any, Final

#: on a quarter of an hour, with its offset
START: Final = "2027-05-01T19:30:00+02:00"

_GUEST: Final = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 901820"}

ASKED: Final[dict[str, Any]] = {
    "party_size": 2,
    "start": START,
    "guest": _GUEST,
    "note": "by the window",
}
BOOKED: Final[dict[str, Any]] = ASKED | {
    "note": "allergic to nuts",
    "staff_note": "a regular",
    "notify": True,
}
CHANGED: Final[dict[str, Any]] = {"party_size": 4, "note": "a high chair, please"}
