"""Load a restaurant's file: add its new parts, and deactivate the removed ones."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.floor import Restaurant
from models.operations.deciding.books import ask_waitlists, lock_books, open_books
from models.operations.floor.moves import move_parties
from models.operations.floor.parties import Concern, Concerns, PartiesHurt, find_concerns
from models.operations.floor.shapes import RestaurantFile
from models.operations.floor.writer import write_file
from models.queries.deciding.standing import upcoming
from models.queries.floor.load import read_restaurant, restaurant_by_id
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.special_days import special_days

#: The actor of a load from the command line.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading a file. With `move`, each of `concerns.hurt` has its outcome.

    `special_days`: in words, what the special hours do to the other shifts of their dates.
    """

    restaurant_id: int
    revision: int
    changed: bool
    concerns: Concerns = field(default_factory=Concerns)
    special_days: tuple[str, ...] = ()


def load_restaurant(session: Session, file: RestaurantFile, *, now: datetime) -> int:
    """Make the restaurant match its file; return its id. Loading the file again does nothing.

    Parts are identified by slug, keys and labels. A change sets `revision` and `revised_at`. Raises
    PartiesHurt if the file removes something that upcoming parties depend on.
    """
    return apply_file(session, file, now=now).restaurant_id


def apply_file(
    session: Session,
    file: RestaurantFile,
    *,
    now: datetime,
    move: bool = False,
    dry_run: bool = False,
    actor: str = OPERATOR,
) -> Loaded:
    """Do what `load_restaurant` does, and return the parties concerned too.

    `move`: move parties to fit the file where possible, leave the others as they are, and do not
    raise. `dry_run`: do everything, report it and roll it back; this does not raise either.
    """
    row = session.scalar(select(Restaurant).where(Restaurant.slug == file.slug).with_for_update())
    if row is None:
        return _undone(session, dry_run, lambda: _open_new(session, file, now=now))
    before = restaurant_by_id(session, row.id)
    # No book can be opened meanwhile: its row refers to the restaurant's row, which is locked.
    if books := open_books(session, before, now=now):
        lock_books(session, books)
    load = _Load(session, row, before, now=now, actor=actor)
    loaded = _undone(session, dry_run, lambda: load.apply(file, move=move, is_asked=dry_run))
    if loaded.changed and not dry_run:
        ask_waitlists(session, before.id, now=now)
    return loaded


def _undone(session: Session, dry_run: bool, work: Callable[[], Loaded]) -> Loaded:
    """Run the work; in a dry run roll it back, and keep only its result."""
    if not dry_run:
        return work()
    with session.begin_nested() as savepoint:
        loaded = work()
        savepoint.rollback()
    session.expire_all()
    return loaded


def _open_new(session: Session, file: RestaurantFile, *, now: datetime) -> Loaded:
    row = Restaurant(slug=file.slug, name=file.name, zone=file.zone, policies={})
    session.add(row)
    session.flush()
    write_file(session, row, file)
    days = _special_days(read_restaurant(session, row.id), now=now)
    return Loaded(row.id, row.revision, changed=True, special_days=days)


def _special_days(restaurant: RestaurantSpec, *, now: datetime) -> tuple[str, ...]:
    return tuple(special_days(restaurant, today=now.astimezone(restaurant.tz).date()))


@dataclass(slots=True)
class _Load:
    """The load of a changed file for an existing restaurant. Its row and its books are locked."""

    session: Session
    row: Restaurant
    before: RestaurantSpec
    _: KW_ONLY
    now: datetime
    actor: str

    def apply(self, file: RestaurantFile, *, move: bool, is_asked: bool) -> Loaded:
        """Write the file and check every upcoming party. Raises PartiesHurt."""
        if not write_file(self.session, self.row, file):
            days = _special_days(self.before, now=self.now)
            return Loaded(self.row.id, self.row.revision, changed=False, special_days=days)
        self.row.revision += 1
        self.row.revised_at = self.now
        self.session.flush()
        after = read_restaurant(self.session, self.row.id)
        parties = upcoming(self.session, self.row.id, now=self.now)
        concerns = find_concerns(self.before, after, parties)
        if concerns.hurt and move:
            concerns = replace(concerns, hurt=self._move(after, concerns))
        elif concerns.hurt and not is_asked:
            raise PartiesHurt(self.before, concerns)
        days = _special_days(after, now=self.now)
        return Loaded(self.row.id, self.row.revision, True, concerns, days)

    def _move(self, after: RestaurantSpec, concerns: Concerns) -> tuple[Concern, ...]:
        return move_parties(
            self.session, self.before, after, concerns.hurt, now=self.now, actor=self.actor
        )
