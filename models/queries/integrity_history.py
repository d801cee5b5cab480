"""Checked: each reservation's moves chain to where it stands, and every decision is told once."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationMove
from models.entities.shifts import ShiftDay
from models.queries.integrity_finding import Files, Finding
from models.queries.integrity_told import STATUSES, Party, Said, Step, untold
from models.rules.lifecycle import Status, may_move

#: Reservations that are looked at together: what bounds the memory.
_AT_ONCE = 4_000


def history(session: Session, files: Files, *, since: datetime) -> Iterator[Finding]:
    """Every reservation's moves and messages. `since`: what was due before it is late."""
    last = 0
    while parties := _read_parties(session, after=last):
        first, last = parties[0].id, parties[-1].id
        steps = _read_steps(session, first, last)
        said = _read_said(session, first, last, since=since)
        for party in parties:
            own = steps.get(party.id, [])
            yield from broken_chain(party, own)
            house = files.houses.get(party.restaurant_id)
            if house is not None and party.kept:
                yield from untold(party, own, said.get(party.id, []), house)


def broken_chain(party: Party, steps: list[Step]) -> Iterator[Finding]:
    """The moves lead from `requested` to where the party stands, each from where the last led."""
    problem = ""
    if not steps:
        if (party.status, party.revision) != (Status.REQUESTED, 1):
            problem = f"is {party.status} in revision {party.revision} without any move"
    elif steps[0].before != Status.REQUESTED:
        problem = f"begins its history in {steps[0].before}"
    elif steps[-1].after != party.status:
        problem = f"is {party.status}, and its last move led to {steps[-1].after}"
    elif steps[-1].revision != party.revision:
        problem = f"is in revision {party.revision}, its last move in {steps[-1].revision}"
    problem = problem or _broken_link(steps)
    if problem:
        yield Finding("moves", (party.id,), f"reservation {party.id} {problem}")


def _broken_link(steps: list[Step]) -> str:
    before = 1
    for step in steps:
        if step.revision <= before:
            return f"has a move in revision {step.revision} after revision {before}"
        before = step.revision
        if step.before != step.after and not _may_move(step):
            return f"moved from {step.before} to {step.after}, which nothing may"
    for step, following in pairwise(steps):
        if step.after != following.before:
            return f"moved to {step.after}, and next from {following.before}"
    return ""


def _may_move(step: Step) -> bool:
    before, after = STATUSES.get(step.before), STATUSES.get(step.after)
    return before is not None and after is not None and may_move(before, after)


def _read_parties(session: Session, *, after: int) -> list[Party]:
    row = Reservation
    query = (
        select(
            row.id,
            row.restaurant_id,
            row.status,
            row.revision,
            row.source,
            row.starts_at,
            row.email_key.is_not(None),
            row.phone_key.is_not(None),
            ShiftDay.messages_forgotten_at.is_(None),
        )
        .outerjoin(ShiftDay, ShiftDay.id == row.book_id)
        .where(row.id > after)
        .order_by(row.id)
        .limit(_AT_ONCE)
    )
    return [
        Party(*facts[:6], _channels(bool(facts[6]), bool(facts[7])), bool(facts[8]))
        for facts in session.execute(query)
    ]


def _channels(by_email: bool, by_sms: bool) -> frozenset[str]:
    return frozenset((["email"] if by_email else []) + (["sms"] if by_sms else []))


def _read_steps(session: Session, first: int, last: int) -> dict[int, list[Step]]:
    move = ReservationMove
    query = (
        select(move.reservation_id, move.before, move.after, move.revision, move.reason, move.at)
        .where(move.reservation_id.between(first, last))
        .order_by(move.id)
    )
    return _grouped(query, session, Step)


def _read_said(
    session: Session, first: int, last: int, *, since: datetime
) -> dict[int, list[Said]]:
    row = Message
    is_late = and_(row.state.in_(("queued", "sending")), row.due_at < since)
    is_silent = and_(row.state.in_(("failed", "skipped")), func.coalesce(row.error, "") == "")
    is_known = row.state.in_(("queued", "sending", "sent", "failed", "skipped"))
    problem = case(
        (is_late, "is overdue"),
        (is_silent, "ended without a reason"),
        (and_(row.state == "sent", row.sent_at.is_(None)), "was sent at no time"),
        (is_known, ""),
        else_="is in no known state",
    )
    query = (
        select(
            row.reservation_id,
            row.id,
            row.reservation_revision,
            row.kind,
            row.channel,
            row.variant,
            problem,
        )
        .where(row.reservation_id.between(first, last))
        .order_by(row.id)
    )
    return _grouped(query, session, Said)


def _grouped(query: Any, session: Session, shape: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for reservation_id, *facts in session.execute(query):
        found[reservation_id].append(shape(*facts))
    return found
