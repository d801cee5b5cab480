"""Check that each reservation's moves lead to its state, and that every decision has one message.

Most histories are alike. Each is read as its shape. A shape that was found correct once is not
checked again; unknown ones are read in full.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.integrity.checks.moments import Moments
from models.integrity.checks.notified import STATUSES, CheckedParty, CheckedStep, message_findings
from models.integrity.finding import Files, Finding
from models.integrity.history_shapes import Line, Shape, Shapes
from models.integrity.read import Move, read_message_lists, read_messages, read_steps
from models.integrity.times import as_text, moment_of
from models.rules.messages.notifying import TURN_REASON
from models.rules.reservations.lifecycle import Status, may_move
from models.rules.reservations.reasons import leads_to

#: Reservations processed together: this bounds the memory.
_AT_ONCE = 8_000


def history(session: Session, files: Files, *, first: int, last: int) -> Iterator[Finding]:
    """Check the moves and times of these reservations, and that each decision has one message."""
    after, shapes, moments = first - 1, Shapes(files), Moments(files)
    while lines := _read_lines(session, after=after, last=last):
        after = lines[-1].id
        moves = read_steps(session, lines[0].id, after)
        odd: dict[Shape, list[Line]] = defaultdict(list)
        for line in lines:
            own = moves.get(line.id, [])
            times = [move.at for move in own]
            chosen = any(move.what[3] == TURN_REASON for move in own)
            if problem := moments.problem(line, times, turn_chosen=chosen):
                rule, text = problem
                yield Finding(rule, (line.id,), f"reservation {line.id} {text}")
            shape = shapes.of(line, [move.what for move in own], times)
            if not shapes.is_known(shape):
                odd[shape].append(line)
        yield from _compared(session, files, shapes, odd, moves)


def _compared(
    session: Session,
    files: Files,
    shapes: Shapes,
    odd: dict[Shape, list[Line]],
    moves: dict[int, list[Move]],
) -> Iterator[Finding]:
    """Judge the first reservation of each shape; if it has findings, judge all of that shape."""
    samples = {alike[0].id: shape for shape, alike in odd.items()}
    rest: list[Line] = []
    firsts = [alike[0] for alike in odd.values()]
    for line, found in _judged(session, files, firsts, moves):
        shape = samples[line.id]
        if found:
            rest += odd[shape][1:]
        else:
            shapes.learn(shape)
        yield from found
    for _line, found in _judged(session, files, rest, moves):
        yield from found


def _judged(
    session: Session,
    files: Files,
    lines: Sequence[Line],
    moves: dict[int, list[Move]],
) -> Iterator[tuple[Line, list[Finding]]]:
    """The findings of each of these reservations, read in full."""
    for start in range(0, len(lines), _AT_ONCE):
        some = lines[start : start + _AT_ONCE]
        said = read_messages(session, [line.id for line in some])
        for line in some:
            party = _party(line)
            steps = [CheckedStep(*move.what, moment_of(move.at)) for move in moves.get(line.id, [])]
            found = list(broken_chain(party, steps))
            restaurant = files.restaurants.get(party.restaurant_id)
            if restaurant is not None and party.kept:
                found += message_findings(party, steps, said.get(party.id, []), restaurant)
            yield line, found


def broken_chain(party: CheckedParty, steps: list[CheckedStep]) -> Iterator[Finding]:
    """Check that the moves form a chain from `requested` to the party's state."""
    problem = ""
    if not steps:
        if (party.status, party.revision) != (Status.REQUESTED, 1):
            problem = f"is {party.status} with revision {party.revision}, but has no move"
    elif steps[0].before != Status.REQUESTED:
        problem = f"has a history that starts with {steps[0].before}"
    elif steps[-1].after != party.status:
        problem = f"is {party.status}, but its last move led to {steps[-1].after}"
    elif steps[-1].revision != party.revision:
        problem = f"has revision {party.revision}, but its last move has {steps[-1].revision}"
    problem = problem or _broken_link(steps)
    if problem:
        yield Finding("moves", (party.id,), f"reservation {party.id} {problem}")


def _broken_link(steps: list[CheckedStep]) -> str:
    before = 1
    for step in steps:
        if step.revision <= before:
            return f"has a move with revision {step.revision} after revision {before}"
        before = step.revision
        if step.before != step.after and not _may_move(step):
            return f"moved from {step.before} to {step.after}, which is not allowed"
        if not leads_to(step.reason, step.before, step.after):
            return f"moved from {step.before} to {step.after} by {step.reason!r}"
    for step, following in pairwise(steps):
        if step.after != following.before:
            return f"moved to {step.after}, but its next move starts from {following.before}"
    return ""


def _may_move(step: CheckedStep) -> bool:
    before, after = STATUSES.get(step.before), STATUSES.get(step.after)
    return before is not None and after is not None and may_move(before, after)


def _party(line: Line) -> CheckedParty:
    ways = (("email", line.by_email), ("sms", line.by_sms))
    return CheckedParty(
        line.id,
        line.restaurant_id,
        line.status,
        line.revision,
        line.source,
        moment_of(line.starts_at),
        frozenset(way for way, is_there in ways if is_there),
        bool(line.kept),
    )


def _read_lines(session: Session, *, after: int, last: int) -> list[Line]:
    """The next reservations, each with all of its messages in one text."""
    row, book = table_of(Reservation).c, table_of(ShiftDay).c
    query = (
        select(
            row.id,
            row.restaurant_id,
            row.status,
            row.revision,
            row.source,
            as_text(row.starts_at),
            row.email_key.is_not(None),
            row.phone_key.is_not(None),
            book.messages_forgotten_at.is_(None),
            book.id.is_not(None),
            row.book_id,
            row.party_size,
            as_text(row.ends_at),
            as_text(row.created_at),
            as_text(row.decided_at),
            as_text(row.arrived_at),
            as_text(row.seated_at),
            as_text(row.finished_at),
        )
        .outerjoin(book.id.table, book.id == row.book_id)
        .where(row.id > after, row.id <= last)
        .order_by(row.id)
        .limit(_AT_ONCE)
    )
    rows = session.execute(query).all()
    said = read_message_lists(session, rows[0].id, rows[-1].id) if rows else {}
    return [Line._make((*facts, said.get(facts[0], ""))) for facts in rows]
