"""What the panel of a party offers: exactly what the rules allow in its state."""

from datetime import datetime
from typing import Final

from models.core.database.transactions import reading
from models.queries.book.shapes import BookReservation
from models.queries.reservations.history import cancelled_at
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb, allowed

#: the acts that are one tap away, the likeliest first
_BUTTONS: Final = (
    Verb.APPROVE,
    Verb.CONFIRM,
    Verb.ARRIVE,
    Verb.SEAT,
    Verb.READY,
    Verb.FINISH,
    Verb.NO_SHOW,
    Verb.LEAVE,
    Verb.CANCEL,
    Verb.TAKE_BACK,
)
#: an act that is not offered where the other is: it is the same, and nobody is told
_INSTEAD: Final = {Verb.CANCEL: Verb.LEAVE}


def acts_of(row: BookReservation, now: datetime) -> frozenset[Verb]:
    """Return what the rules allow to be done with the party. One query if it is cancelled."""
    since = None
    if row.status in (Status.CANCELLED, Status.DECLINED):
        with reading() as session:
            since = cancelled_at(session, row.id)
    return allowed(row, now=now, cancelled_at=since)


def buttons_of(acts: frozenset[Verb]) -> list[Verb]:
    """Return the acts that are buttons at the top of the panel, in their order."""
    return [each for each in _BUTTONS if each in acts and _INSTEAD.get(each) not in acts]
