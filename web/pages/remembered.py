"""The one cookie of the guests' pages: what this browser has asked for at one restaurant.

It carries the links themselves, so it ends with them, and it is read for one purpose: whoever goes
back and asks once more near the same time is shown the table instead (operations.second_tables).
"""

from typing import Final

from flask import Response, request, url_for

from models.core.settings import settings
from models.operations.reservations.second_tables import LINKS_MOST

NAME: Final = "maitred_asked"
#: An evening's change of mind; then a link in a message is the way.
_SECONDS: Final = 86_400
#: stands in no token
_BETWEEN: Final = "!"
_LONGEST: Final = 1_000


def asked_before() -> list[str]:
    """The manage tokens that this browser was given here, the last one first."""
    value = request.cookies.get(NAME, "")
    return value.split(_BETWEEN)[:LINKS_MOST] if 0 < len(value) <= _LONGEST else []


def remember(answer: Response, slug: str, token: str) -> Response:
    """The answer, by which the browser keeps one token more for this restaurant's pages alone."""
    kept = [token, *(each for each in asked_before() if each != token)][:LINKS_MOST]
    answer.set_cookie(
        NAME,
        _BETWEEN.join(kept),
        max_age=_SECONDS,
        path=url_for("booking.choose", slug=slug),
        secure=settings().public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return answer
