"""A restaurant's file goes into the database: what is new is added, what is gone is inactive."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.core.db import Base
from models.entities.floor import Area, Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Closure, Shift
from models.operations.books import ask_waitlists, lock_books, open_books
from models.operations.floor_moves import move_parties
from models.operations.floor_parties import Concern, Concerns, PartiesHurt, look_at
from models.operations.floor_shapes import DAYS, RestaurantFile, ShiftShape
from models.queries.floor import house_by_id, read_house
from models.queries.standing import upcoming
from models.rules.house import House
from models.rules.policy_shapes import policies_from, policies_to

R = TypeVar("R", Area, DiningTable, Combination, Shift)

_EVERY_DAY = 127
#: Who loads a file at the command line.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file came to. `hurt` names outcomes where parties were moved with it."""

    restaurant_id: int
    revision: int
    changed: bool
    concerns: Concerns = field(default_factory=Concerns)


def load_restaurant(session: Session, file: RestaurantFile, *, now: datetime) -> int:
    """Make the restaurant what its file says; its id. Loading the same file twice changes nothing.

    Parts are known by their slug, keys and labels. `revision` and `revised_at` tell of a change.
    Raises PartiesHurt when something would go that upcoming parties count on.
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
    """As `load_restaurant`, and who is concerned.

    `move`: parties follow the file where they can, those that cannot stay as they are; nobody is
    refused. `dry_run`: all is done, told and undone; nothing is refused either.
    """
    row = session.scalar(select(Restaurant).where(Restaurant.slug == file.slug).with_for_update())
    if row is None:
        return _undone(session, dry_run, lambda: _open_new(session, file))
    before = house_by_id(session, row.id)
    # none can be opened meanwhile: its row refers to the restaurant's, which is locked
    if books := open_books(session, before, now=now):
        lock_books(session, books)
    load = _Load(session, row, before, now=now, actor=actor)
    loaded = _undone(session, dry_run, lambda: load.apply(file, move=move, is_asked=dry_run))
    if loaded.changed and not dry_run:
        ask_waitlists(session, before.id, now=now)
    return loaded


def _undone(session: Session, dry_run: bool, work: Callable[[], Loaded]) -> Loaded:
    """The work; in a dry run taken back, and only what it came to is kept."""
    if not dry_run:
        return work()
    with session.begin_nested() as savepoint:
        loaded = work()
        savepoint.rollback()
    session.expire_all()
    return loaded


def _open_new(session: Session, file: RestaurantFile) -> Loaded:
    row = Restaurant(slug=file.slug, name=file.name, zone=file.zone, policies={})
    session.add(row)
    session.flush()
    _write(session, row, file)
    return Loaded(row.id, row.revision, changed=True)


@dataclass(slots=True)
class _Load:
    """A changed file of a restaurant that is there. Its row and its books are locked."""

    session: Session
    row: Restaurant
    before: House
    _: KW_ONLY
    now: datetime
    actor: str

    def apply(self, file: RestaurantFile, *, move: bool, is_asked: bool) -> Loaded:
        """Write the file; ask the rules about everybody. Raises PartiesHurt."""
        if not _write(self.session, self.row, file):
            return Loaded(self.row.id, self.row.revision, changed=False)
        self.row.revision += 1
        self.row.revised_at = self.now
        self.session.flush()
        after = read_house(self.session, self.row.id)
        parties = upcoming(self.session, self.row.id, now=self.now)
        concerns = look_at(self.before, after, parties)
        if concerns.hurt and move:
            concerns = replace(concerns, hurt=self._move(after, concerns))
        elif concerns.hurt and not is_asked:
            raise PartiesHurt(self.before, concerns)
        return Loaded(self.row.id, self.row.revision, changed=True, concerns=concerns)

    def _move(self, after: House, concerns: Concerns) -> tuple[Concern, ...]:
        return move_parties(
            self.session, self.before, after, concerns.hurt, now=self.now, actor=self.actor
        )


def _write(session: Session, row: Restaurant, file: RestaurantFile) -> bool:
    """Whether anything differed."""
    writer = _Writer(session, row.id)
    writer.put(row, _restaurant_values(file))
    writer.write_floor(file)
    writer.write_shifts(file)
    writer.write_closures(file)
    session.flush()
    return writer.changed


def _restaurant_values(file: RestaurantFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "zone": file.zone,
        "locale": file.locale,
        "email": file.email or "",
        "phone": file.phone or "",
        "address": file.address,
        "policies": policies_to(policies_from(file.policies.model_dump(exclude_unset=True))),
    }


@dataclass(slots=True)
class _Writer:
    """Writes what differs, and knows whether anything did."""

    session: Session
    restaurant_id: int
    changed: bool = False

    def put(self, row: Base, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if getattr(row, name) != value:
                setattr(row, name, value)
                self.changed = True

    def write_floor(self, file: RestaurantFile) -> None:
        areas = self._rows(
            Area,
            "key",
            {
                area.key: {"name": area.name, "position": number}
                for number, area in enumerate(file.areas)
            },
        )
        tables = self._rows(
            DiningTable,
            "label",
            {
                table.label: table.model_dump(exclude={"label", "area"})
                | {"area_id": areas[table.area].id}
                for table in file.tables
            },
        )
        joined = self._rows(
            Combination,
            "label",
            {
                each.label: each.model_dump(exclude={"label", "tables"})
                for each in file.combinations
            },
        )
        for each in file.combinations:
            self._join(joined[each.label].id, {tables[label].id for label in each.tables})

    def write_shifts(self, file: RestaurantFile) -> None:
        self._rows(Shift, "key", {shift.key: _shift_values(shift) for shift in file.shifts})

    def write_closures(self, file: RestaurantFile) -> None:
        """Closures have no other row that needs them: those gone from the file are deleted."""
        query = select(Closure).where(Closure.restaurant_id == self.restaurant_id)
        known = {(row.on_date, row.shift_key): row for row in self.session.scalars(query)}
        wanted = {(each.date, each.shift or ""): each.reason for each in file.closures}
        for key in known.keys() - wanted.keys():
            self.session.delete(known[key])
            self.changed = True
        for (day, shift_key), reason in wanted.items():
            row = known.get((day, shift_key))
            if row is None:
                row = Closure(
                    restaurant_id=self.restaurant_id, on_date=day, shift_key=shift_key, reason=""
                )
                self.session.add(row)
                self.changed = True
            self.put(row, {"reason": reason})

    def _rows(
        self, entity: type[R], name: str, wanted: Mapping[str, dict[str, Any]]
    ) -> dict[str, R]:
        """The rows of these names, as wanted and active; those of other names become inactive."""
        query = select(entity).where(entity.restaurant_id == self.restaurant_id)
        known = {getattr(row, name): row for row in self.session.scalars(query)}
        for key, row in known.items():
            self.put(row, {"active": key in wanted})
        for key in wanted.keys() - known.keys():
            known[key] = entity(restaurant_id=self.restaurant_id, active=True)
            self.changed = True
        for key, values in wanted.items():
            self.put(known[key], {name: key, **values})
            self.session.add(known[key])
        self.session.flush()
        return {key: known[key] for key in wanted}

    def _join(self, combination_id: int, wanted: set[int]) -> None:
        link = CombinationTable
        query = select(link.dining_table_id).where(link.combination_id == combination_id)
        known = set(self.session.scalars(query))
        if known == wanted:
            return
        self.changed = True
        self.session.execute(delete(link).where(link.combination_id == combination_id))
        self.session.add_all(
            link(combination_id=combination_id, dining_table_id=table_id)
            for table_id in sorted(wanted)
        )


def _shift_values(shift: ShiftShape) -> dict[str, Any]:
    days: Iterable[str] = shift.days or ()
    plain = {
        "name",
        "first",
        "last",
        "ends",
        "on_date",
        "valid_from",
        "valid_until",
        "may_run_over",
    }
    mask = sum(1 << DAYS.index(day) for day in days)
    return shift.model_dump(include=plain) | {
        "weekdays": mask or _EVERY_DAY,
        "overrides": _overrides(shift),
    }


def _overrides(shift: ShiftShape) -> dict[str, Any]:
    given = shift.model_dump(include={"turn_times", "pacing", "buffer_minutes"})
    return {name: value for name, value in given.items() if value is not None}
