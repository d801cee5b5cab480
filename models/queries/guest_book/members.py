"""Records that were merged into others."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.guest_book import GuestRecord


def members_of(session: Session, records: Iterable[int]) -> dict[int, list[GuestRecord]]:
    """The records merged into each of these, directly or through others, the oldest merge first.

    One query, and one more for each level of merging.
    """
    roots = {number: number for number in records}
    found: dict[int, list[GuestRecord]] = defaultdict(list)
    level, seen = set(roots), set(roots)
    while level:
        query = select(GuestRecord).where(GuestRecord.merged_into.in_(level))
        rows = session.scalars(query.order_by(GuestRecord.id)).all()
        for row in rows:
            roots[row.id] = roots[row.merged_into or row.id]
            found[roots[row.id]].append(row)
        level = {row.id for row in rows} - seen  # a damaged row may refer to itself
        seen |= level
    return found
