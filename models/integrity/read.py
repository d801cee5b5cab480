"""The moves and messages of many reservations, as the integrity check reads them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.entities.reservations import ReservationMove
from models.integrity.checks.notified import MessageRow
from models.integrity.times import as_text


class Move(NamedTuple):
    """One move: its content (`what`) and its time."""

    what: tuple[str, str, int, str]
    at: str


def read_message_lists(session: Session, first: int, last: int) -> dict[int, str]:
    """The messages of each reservation, as one text. Reads a single index."""
    row = table_of(Message).c
    parts = (row.reservation_revision, row.kind, row.channel, row.variant)
    one: ColumnElement[str] = cast(parts[0], String(20))
    for part in parts[1:]:
        one = one + ":" + cast(part, String(20))
    query = (
        select(row.reservation_id, func.group_concat(one))
        .where(row.reservation_id.between(first, last))
        .group_by(row.reservation_id)
    )
    return dict(session.execute(query).all())


def read_steps(session: Session, first: int, last: int) -> dict[int, list[Move]]:
    """The moves of each of these reservations, oldest first."""
    move = table_of(ReservationMove).c
    query = (
        select(
            move.reservation_id,
            move.before,
            move.after,
            move.revision,
            move.reason,
            as_text(move.at),
        )
        .where(move.reservation_id.between(first, last))
        .order_by(move.id)
    )
    found: dict[int, list[Move]] = defaultdict(list)
    for number, before, after, revision, reason, at in session.execute(query):
        found[number].append(Move((before, after, revision, reason), at))
    return found


def read_messages(session: Session, ids: Sequence[int]) -> dict[int, list[MessageRow]]:
    """The messages of each of these reservations, oldest first."""
    if not ids:
        return {}
    row = table_of(Message).c
    query = (
        select(
            row.reservation_id,
            row.id,
            row.reservation_revision,
            row.kind,
            row.channel,
            row.variant,
        )
        .where(row.reservation_id.in_(ids))
        .order_by(row.id)
    )
    found: dict[int, list[MessageRow]] = defaultdict(list)
    for number, *facts in session.execute(query):
        found[number].append(MessageRow(*facts))
    return found
