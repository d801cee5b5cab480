"""The only cookie of the guest pages: a browser's recent reservations at one restaurant.

It contains the manage tokens, so it is valid as long as they are. It has one use: a guest who
goes back and books again near the same time is shown the existing table instead
(operations.second_tables).
"""

from typing import Final

from flask import Response, request, url_for

from models.core.settings import settings
from models.operations.reservations.second_tables import LINKS_MOST

NAME: Final = "maitred_asked"
#: One day covers a change of mind in the evening; later, guests use the link in a message.
_SECONDS: Final = 86_400
#: a character that no token contains
_BETWEEN: Final = "!"
_LONGEST: Final = 1_000


def remembered_tokens() -> list[str]:
    """Return the manage tokens that this browser was given here, newest first."""
    value = request.cookies.get(NAME, "")
    return value.split(_BETWEEN)[:LINKS_MOST] if 0 < len(value) <= _LONGEST else []


def remember(answer: Response, slug: str, token: str) -> Response:
    """Set the cookie with one more token, scoped to this restaurant's booking pages."""
    kept = [token, *(each for each in remembered_tokens() if each != token)][:LINKS_MOST]
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
