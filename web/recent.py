"""A restaurant by its slug without asking the database each time, for the public reads."""

import time
from functools import lru_cache
from typing import Final

from models.core.db import reading
from models.queries.floor import house_by_slug
from models.rules.house import House

#: How long a changed restaurant file may go unnoticed by the availability page.
FRESH_SECONDS: Final = 2.0
_LIMIT: Final = 2_000


def recent_house(slug: str) -> House:
    """The restaurant as it was at most two seconds ago. Raises NotFound.

    Good for offers, which promise nothing. Whatever writes reads the restaurant anew.
    """
    memo = _memo()
    held = memo.get(slug)
    now = time.monotonic()
    if held is not None and now < held[1]:
        return held[0]
    with reading() as session:
        house = house_by_slug(session, slug)
    if len(memo) >= _LIMIT:
        memo.clear()
    memo[slug] = (house, now + FRESH_SECONDS)
    return house


@lru_cache(maxsize=1)
def _memo() -> dict[str, tuple[House, float]]:
    return {}
