"""A restaurant that counts covers, the covers present, and the check."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.integrity.check import findings
from models.queries.deciding.covers import covers_present
from models.queries.floor.load import restaurant_by_id
from models.rules.restaurant.sittings import quarter_of
from tests.operations.evenings import a_stand
from tests.services.running.stand import NOW, START, Stand

#: turns of 90 minutes for two, of 105 for three or four, of two hours for five or six
COVERS = 10


def a_counted(db: Engine, covers: int = COVERS, **more: Any) -> Stand:
    """A stand of a restaurant that takes so many covers; unpaced."""
    return a_stand(db, covers=covers, **more)


def minutes(count: float) -> datetime:
    """So long after START."""
    return START + timedelta(minutes=count)


def there(stand: Stand, at: datetime = START, *, now: datetime = NOW) -> int:
    """The covers in the restaurant at that time."""
    quarter = quarter_of(at)
    with Session(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return covers_present(session, restaurant, first=quarter, last=quarter, now=now)[quarter]


def wrong(stand: Stand, *, now: datetime = NOW) -> list[tuple[str, str]]:
    """The findings of the check: rule and text."""
    with reading(stand.bind) as session:
        found = findings(session, now=now, grace_seconds=10**9)
    return [(each.rule, each.text) for each in found]
