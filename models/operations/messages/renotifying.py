"""Notify again after an edit, so that every channel of the new contact has the current state.

The rules (`notifying.due`) derive the messages due from the history; missing rows are written, and
those queued for a previous contact are withdrawn.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationMove
from models.entities.sealed_guest import Guest, seal_contact
from models.rules.messages import notifying
from models.rules.messages.outbox import message_rows, reminder_rows
from models.rules.reservations.contact_edits import ADDED, EMAIL, SMS, contact_marks
from models.rules.reservations.lifecycle import DOOR, OPEN, Status
from models.rules.restaurant.restaurant import RestaurantSpec

#: Why a message was not sent: its contact was replaced before its turn.
SUPERSEDED: Final = "superseded"
#: The previous contact had received nothing.
NEVER_TOLD: Final = "never told"


def contacts_of(guest: Guest) -> dict[str, str | None]:
    """Return how a guest can be reached: channel -> address or number, None where there is none."""
    return {EMAIL: guest.email, SMS: guest.phone}


def renotify(
    session: Session, row: Reservation, restaurant: RestaurantSpec, *, before: Guest, now: datetime
) -> None:
    """Write and withdraw messages after an edit, whose move is written already.

    `row` is locked and has the new contact; `before` is the previous guest data. Four statements at
    most.
    """
    session.flush()
    said = session.scalars(select(Message).where(Message.reservation_id == row.id)).all()
    steps = _steps(session, row.id)
    marks = contact_marks(steps[-1].reason) if steps else {}
    by = notifying.channels(email=bool(row.email_key), phone=bool(row.phone_key))
    wanted = notifying.due(
        steps, by, starts_at=row.starts_at, offsets=restaurant.policies.reminder_minutes
    )
    heard = {each.channel for each in said if each.state in ("sending", "sent")}
    _withdraw(said, wanted, marks)
    _notify_previous_contact(session, row, contacts_of(before), marks, heard, now=now)
    if Status(row.status) in OPEN and (row.starts_at > now or row.source == DOOR):
        known = {
            (each.reservation_revision, each.kind, each.channel, each.variant) for each in said
        }
        missing = [each for each in wanted if tuple(each) not in known]
        bulk_insert(session, table_of(Message), _messages(row, sorted(missing), now=now))


def reset_reminders(
    session: Session, row: Reservation, restaurant: RestaurantSpec, *, now: datetime
) -> None:
    """Set the reminders to the hours before a start that was moved without notifying the guest.

    Its move is written already. Three statements at most.
    """
    session.flush()
    said = session.scalars(
        select(Message).where(
            Message.reservation_id == row.id, Message.kind == notifying.Kind.REMINDER.value
        )
    ).all()
    by = notifying.channels(email=bool(row.email_key), phone=bool(row.phone_key))
    offsets = restaurant.policies.reminder_minutes
    due = notifying.due(_steps(session, row.id), by, starts_at=row.starts_at, offsets=offsets)
    wanted = {tuple(each): each for each in due if each.kind is notifying.Kind.REMINDER}
    for each in said:
        key = (each.reservation_revision, each.kind, each.channel, each.variant)
        is_wanted = wanted.pop(key, None) is not None
        if each.state == "queued" and is_wanted:
            each.due_at = row.starts_at - timedelta(minutes=each.variant)
        elif each.state == "queued":
            session.delete(each)
    bulk_insert(session, table_of(Message), _messages(row, sorted(wanted.values()), now=now))


def withdraw_cancellation(session: Session, row: Reservation, *, revision: int) -> bool:
    """Skip the unsent messages of the cancellation or refusal that made this revision.

    Return whether one was sent, or is being sent now: then the guest must hear that the reservation
    stands. The UPDATE locks the messages that wait, so that no worker claims one before the query.
    """
    said = table_of(Message)
    own = (
        said.c.reservation_id == row.id,
        said.c.reservation_revision == revision,
        said.c.kind.in_([notifying.Kind.CANCELLED.value, notifying.Kind.DECLINED.value]),
    )
    waits = update(said).where(*own, said.c.state == "queued")
    session.execute(waits.values(state="skipped", error=SUPERSEDED))
    went = select(said.c.id).where(*own, said.c.state.in_(("sending", "sent")))
    return session.scalars(went).first() is not None


def requeue(
    session: Session, row: Reservation, restaurant: RestaurantSpec, *, is_told_anew: bool
) -> None:
    """After an undone cancellation, whose move is written: queue again what holds again.

    That is each message that came due while the reservation was cancelled, and was skipped. If the
    guest is told anew, that message has its own reminders: those that wait are deleted instead.
    """
    session.flush()
    said = session.scalars(select(Message).where(Message.reservation_id == row.id)).all()
    by = notifying.channels(email=bool(row.email_key), phone=bool(row.phone_key))
    offsets = restaurant.policies.reminder_minutes
    due = notifying.due(_steps(session, row.id), by, starts_at=row.starts_at, offsets=offsets)
    wanted = {tuple(each) for each in due}
    for each in said:
        key = (each.reservation_revision, each.kind, each.channel, each.variant)
        is_old = key not in wanted and each.kind == notifying.Kind.REMINDER
        if key in wanted and each.state == "skipped" and each.error == SUPERSEDED:
            each.state, each.error = "queued", None
        elif is_told_anew and is_old and each.state == "queued":
            session.delete(each)


def _steps(session: Session, reservation_id: int) -> list[notifying.Step]:
    move = ReservationMove
    query = (
        select(move.after, move.reason, move.revision, move.at)
        .where(move.reservation_id == reservation_id)
        .order_by(move.id)
    )
    return [
        notifying.Step(Status(after), reason, revision, at)
        for after, reason, revision, at in session.execute(query)
    ]


def _withdraw(said: Any, wanted: frozenset[notifying.Due], marks: Mapping[str, str]) -> None:
    """Skip messages queued for a contact that is gone: they would go to the new one."""
    for each in said:
        key = (each.reservation_revision, each.kind, each.channel, each.variant)
        waits = each.state == "queued" and each.recipient_sealed is None
        if waits and each.channel in marks and key not in wanted:
            each.state, each.error = "skipped", SUPERSEDED


def _notify_previous_contact(
    session: Session,
    row: Reservation,
    before: Mapping[str, str | None],
    marks: Mapping[str, str],
    heard: set[str],
    *,
    now: datetime,
) -> None:
    """Notify the previous contact once, if it had messages before, that it is no longer used."""
    if row.status not in notifying.TOLD:
        return
    for channel, mark in marks.items():
        contact = before.get(channel)
        if mark == ADDED or not contact:
            continue
        (values,) = message_rows(
            notifying.Kind.CONTACT_CHANGED, **_about(row, row.revision, channel, now)
        )
        message = Message(**values)
        if channel in heard:
            message.recipient_sealed = seal_contact(contact, reference=row.reference)
        else:
            message.state, message.error = "skipped", NEVER_TOLD
        session.add(message)


def _messages(
    row: Reservation, missing: list[notifying.Due], *, now: datetime
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for each in missing:
        about = _about(row, each.revision, each.channel, now)
        if each.kind is not notifying.Kind.REMINDER:
            rows += message_rows(each.kind, **about)
        elif row.starts_at - timedelta(minutes=each.variant) > now:
            rows += reminder_rows((each.variant,), starts_at=row.starts_at, **about)
    return rows


def _about(row: Reservation, revision: int, channel: str, now: datetime) -> dict[str, Any]:
    return {
        "restaurant_id": row.restaurant_id,
        "reservation_id": row.id,
        "revision": revision,
        "by": (channel,),
        "now": now,
    }
