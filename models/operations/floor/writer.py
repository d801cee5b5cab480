"""Write a restaurant's file as rows: update those that differ, deactivate removed ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.core.database.transactions import Base
from models.entities.floor import Area, Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Closure, Shift
from models.operations.floor.day_rules import day_rules
from models.operations.floor.fields import DAYS
from models.operations.floor.shapes import RestaurantFile, ShiftShape, TableShape
from models.rules.restaurant.policy_storage import policies_from, policies_to

R = TypeVar("R", Area, DiningTable, Combination, Shift)

_EVERY_DAY = 127


def write_file(session: Session, row: Restaurant, file: RestaurantFile) -> bool:
    """Write the file; return whether anything differed. Parts are identified by keys and labels."""
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
        "covers": file.covers,
        "policies": policies_to(policies_from(file.policies.model_dump(exclude_unset=True))),
        "day_rules": day_rules(file),
    }


@dataclass(slots=True)
class _Writer:
    """Writes the values that differ, and records whether any did."""

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
                area.key: {
                    "name": area.name,
                    "position": number,
                    "turn_times": area.turn_times,
                }
                for number, area in enumerate(file.areas)
            },
        )
        tables = self._rows(
            DiningTable,
            "label",
            {
                table.label: _table_values(table) | {"area_id": areas[table.area].id}
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
        """Write the closures. No row refers to one, so those gone from the file are deleted."""
        query = select(Closure).where(Closure.restaurant_id == self.restaurant_id)
        known = {(row.on_date, row.shift_key): row for row in self.session.scalars(query)}
        wanted = {
            (day, each.shift or ""): {"reason": each.reason, "yearly": each.yearly}
            for each in file.closures
            if each.area is None
            for day in each.dates()
        }
        for key in known.keys() - wanted.keys():
            self.session.delete(known[key])
            self.changed = True
        for (day, shift_key), values in wanted.items():
            row = known.get((day, shift_key))
            if row is None:
                row = Closure(restaurant_id=self.restaurant_id, on_date=day, shift_key=shift_key)
                self.session.add(row)
                self.changed = True
            self.put(row, values)

    def _rows(
        self, entity: type[R], name: str, wanted: Mapping[str, dict[str, Any]]
    ) -> dict[str, R]:
        """Return the rows of these names, as wanted and active; deactivate those of other names."""
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


def _table_values(table: TableShape) -> dict[str, Any]:
    plain = table.model_dump(include={"min_party", "max_party", "priority", "features"})
    plan = table.model_dump(include={"x", "y", "shape", "rotation"}, exclude_defaults=True)
    use = {"online": table.is_online, "walk_in": table.use == "walk_in"}
    return plain | use | {"plan": plan or None}


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
    given = shift.model_dump(include={"turn_times", "pacing", "buffer_minutes", "covers"})
    own = {name: value for name, value in given.items() if value is not None}
    return own | ({"added": True} if shift.added else {})
