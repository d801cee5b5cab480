"""Forgetting guests: identity goes, statistics stay; and again after a restore.

What stays of a reservation is its party size, times, tables, status and history. The erasure is
written down by keyed hash, in the database and in a file beside it: a backup from before brings
the guest back, and `replay_erasures` with that file erases the guest again. The hashes need the
SECRET_KEY under which they were made.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import update
from sqlalchemy.orm import Session

from models.core.crypto import contact_key
from models.core.db import before_commit
from models.core.errors import Invalid, StateConflict
from models.core.settings import settings
from models.entities.messages import Message
from models.entities.privacy import Erasure
from models.entities.reservations import Reservation, ReservationMove
from models.entities.sealed_guest import Guest
from models.operations.books import lock_reservation
from models.operations.changes import cancel_reservation
from models.queries.privacy import of_contact
from models.rules.lifecycle import ENDED, Status, may_move

ERASED = "erased"


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """One line of the erasures file."""

    restaurant_id: int
    contact: bytes
    at: datetime
    actor: str


def erase_guest(
    session: Session,
    contact: str,
    *,
    restaurant_id: int | None = None,
    cancel: bool = False,
    now: datetime,
    actor: str,
) -> list[str]:
    """Erase the guest with this e-mail or phone, at one restaurant or all; the references.

    Raises StateConflict, naming the references, when one of them has not ended; with `cancel`
    those are cancelled first, and only a party that sits at a table is in the way. Nobody with
    that contact is an empty list. The guest is not told of a cancellation: the address is gone.
    """
    key = contact_key(contact)
    if key is None:
        raise Invalid.field("contact", "must not be empty")
    rows = [
        lock_reservation(session, number)
        for number in session.scalars(of_contact(key, restaurant_id)).all()
    ]
    _check_ended(rows, cancel=cancel)
    for row in rows:
        _cancel_if_open(session, row, now=now, actor=actor)
        _erase(session, row, now=now, actor=actor)
    for house in sorted({row.restaurant_id for row in rows}):
        _write_down(session, ErasureLine(house, key, now, actor))
    return [row.reference for row in rows]


def read_erasures(file: Path) -> list[ErasureLine]:
    """The lines of an erasures file. Raises Invalid naming the line that cannot be read.

    A last line that was cut short is an erasure that was never committed: left out.
    """
    lines = file.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            values = orjson.loads(line)
            found.append(
                ErasureLine(
                    int(values["restaurant"]),
                    bytes.fromhex(values["contact"]),
                    datetime.fromisoformat(values["at"]),
                    str(values["by"]),
                )
            )
        except (ValueError, KeyError, TypeError) as unreadable:
            raise Invalid.field("file", f"line {number} cannot be read") from unreadable
    return found


def replay_erasures(session: Session, lines: Iterable[ErasureLine], *, now: datetime) -> int:
    """Erase again whom these lines name; how many reservations. Twice is the same as once.

    Only what was asked for before the erasure: who came back since is a guest again. What a
    backup has as open is cancelled; a party at its table keeps it and loses its name.
    """
    count = 0
    for line in lines:
        before = of_contact(line.contact, line.restaurant_id)
        query = before.where(Reservation.created_at <= line.at)
        for number in session.scalars(query).all():
            row = lock_reservation(session, number)
            _cancel_if_open(session, row, now=now, actor=line.actor)
            _erase(session, row, now=now, actor=line.actor)
            count += 1
    return count


def _check_ended(rows: Iterable[Reservation], *, cancel: bool) -> None:
    in_the_way = [
        row.reference
        for row in rows
        if Status(row.status) not in ENDED
        and not (cancel and may_move(Status(row.status), Status.CANCELLED))
    ]
    if in_the_way:
        raise StateConflict(f"not ended yet: {', '.join(in_the_way)}")


def _cancel_if_open(session: Session, row: Reservation, *, now: datetime, actor: str) -> None:
    if may_move(Status(row.status), Status.CANCELLED):
        cancel_reservation(session, row.id, now=now, actor=actor, by_staff=True)


def _erase(session: Session, row: Reservation, *, now: datetime, actor: str) -> None:
    row.guest = Guest(ERASED)  # and with it both contact keys
    row.revision += 1
    session.add(
        ReservationMove(
            reservation_id=row.id,
            at=now,
            before=row.status,
            after=row.status,
            revision=row.revision,
            actor=actor,
            reason="edited",
        )
    )
    session.flush()
    messages = update(Message).where(Message.reservation_id == row.id)
    waiting = Message.state.in_(("queued", "sending"))
    session.execute(messages.where(waiting).values(state="skipped", error=ERASED, claim=None))
    session.execute(messages.values(provider_id=None))
    failed = Message.state == "failed"
    session.execute(messages.where(failed).values(error=ERASED))


def _write_down(session: Session, line: ErasureLine) -> None:
    session.add(
        Erasure(
            restaurant_id=line.restaurant_id, contact=line.contact, at=line.at, actor=line.actor
        )
    )
    # before the commit: a line too many does nothing, a line too few brings a guest back
    before_commit(session, lambda: _append(line))


def _append(line: ErasureLine) -> None:
    file = settings().erasures_file
    file.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "restaurant": line.restaurant_id,
        "contact": line.contact.hex(),
        "at": line.at.isoformat(),
        "by": line.actor,
    }
    with file.open("ab") as appended:
        appended.write(orjson.dumps(values) + b"\n")
        appended.flush()
        os.fsync(appended.fileno())
