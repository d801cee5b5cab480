"""Divide a book's tables among the servers."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, Invalid
from models.entities.evening import SectionTable
from models.operations.deciding.books import touch_books
from models.operations.evening.acts import check_book_revision, lock_evening, record_act
from models.queries.evening.sections import servers_by_table
from models.rules.evening.acts import Act
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting


def divide_tables(
    session: Session,
    restaurant: RestaurantSpec,
    sitting: Sitting,
    servers: Mapping[int, str],
    *,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> None:
    """Give each table (id) of the book to a server, in the place of the sections before.

    Again with the same sections it does nothing. Raises Invalid, RevisionConflict.
    """
    if not servers.keys() <= restaurant.table_by_id.keys():
        raise Invalid.field("sections", UNKNOWN_TABLE)
    book, day = sitting.book_id, sitting.service_date
    lock_evening(session, restaurant, [book])
    if servers_by_table(session, book) == dict(servers):
        return
    check_book_revision(session, restaurant, day, if_revision)
    session.execute(delete(SectionTable).where(SectionTable.book_id == book))
    session.add_all(
        SectionTable(book_id=book, dining_table_id=table, restaurant_id=restaurant.id, server=name)
        for table, name in sorted(servers.items())
    )
    said = {"shift": sitting.shift.key, "sections": _labels(restaurant, servers)}
    record_act(session, restaurant, day, Act.SECTIONS, now=now, actor=actor, **said)
    session.flush()
    touch_books(session, {book: restaurant.id})


def _labels(restaurant: RestaurantSpec, servers: Mapping[int, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, server in sorted(servers.items()):
        found.setdefault(server, []).append(restaurant.table_by_id[table].label)
    return found
