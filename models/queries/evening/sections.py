"""The sections of a book, and the covers of each."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities.evening import SectionTable
from models.entities.reservations import Assignment, Reservation
from models.rules.evening.sections import SectionLoad
from models.rules.reservations.lifecycle import HOLDING, Status


@dataclass(frozen=True, slots=True)
class SectionView:
    """A server's tables (ids, ascending) and covers."""

    load: SectionLoad
    tables: tuple[int, ...]


def sections_of(session: Session, book: int) -> list[SectionView]:
    """Return the sections of a book, by the server's name. Two queries."""
    owner = servers_by_table(session, book)
    covers: dict[tuple[str, bool], int] = defaultdict(int)
    for table, size, status in _parties(session, book):
        if table in owner:
            covers[owner[table], status == Status.SEATED] += size
    return [
        SectionView(
            SectionLoad(server, covers[server, True], covers[server, False]),
            tuple(sorted(table for table, own in owner.items() if own == server)),
        )
        for server in sorted(set(owner.values()))
    ]


def servers_by_table(session: Session, book: int) -> dict[int, str]:
    """Return table id -> the server who has it. One query."""
    row = SectionTable
    query = select(row.dining_table_id, row.server).where(row.book_id == book)
    return {each.dining_table_id: each.server for each in session.execute(query)}


def covers_by_table(session: Session, book: int) -> dict[int, int]:
    """Return table id -> the covers that sit there or come. One query."""
    found: dict[int, int] = defaultdict(int)
    for table, size, _ in _parties(session, book):
        found[table] += size
    return found


def _parties(session: Session, book: int) -> list[tuple[int, int, str]]:
    """Return (table, covers, status) of each party; of joined tables the first counts."""
    row, given = Reservation, Assignment
    query = (
        select(func.min(given.dining_table_id), row.party_size, row.status)
        .join(given, given.reservation_id == row.id)
        .where(row.book_id == book, row.status.in_(sorted(HOLDING)))
        .group_by(row.id, row.party_size, row.status)
    )
    return [(table, size, status) for table, size, status in session.execute(query)]
