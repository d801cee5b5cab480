"""The restaurant and its floor: areas, dining tables, combinations."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import UtcDateTime


class Restaurant(Base):
    """One restaurant. `revision` rises with every change of its file: floor, shifts, policies."""

    __tablename__ = "restaurants"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    zone: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16), default="en")
    #: the most covers in the restaurant at once; NULL: there are tables, which say it
    covers: Mapped[int | None]
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    address: Mapped[str] = mapped_column(String(255), default="")
    revision: Mapped[int] = mapped_column(default=1)
    #: when its file last changed it; earlier decisions followed an older file
    revised_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: the policies that differ from the defaults, named as in the file
    policies: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    #: `pacing` of single dates, `area_closures` and `approvals`
    #: (`models.rules.restaurant.day_rules`), and the `features` of tables
    day_rules: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Area(Base):
    """A room or a terrace."""

    __tablename__ = "areas"
    __table_args__ = (UniqueConstraint("restaurant_id", "key", name="uq_areas_restaurant_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    key: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int] = mapped_column(default=0)
    #: its own turn times, as in the file
    turn_times: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    active: Mapped[bool] = mapped_column(default=True)


class DiningTable(Base):
    """A table on the floor; seats parties of min_party..max_party."""

    __tablename__ = "dining_tables"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "label", name="uq_dining_tables_restaurant_label"),
        CheckConstraint("min_party >= 1 AND max_party >= min_party", name="ck_dining_tables_party"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    label: Mapped[str] = mapped_column(String(32))
    min_party: Mapped[int]
    max_party: Mapped[int]
    priority: Mapped[int] = mapped_column(default=0)
    #: False: in-house only, never given to an online request
    online: Mapped[bool] = mapped_column(default=True)
    #: True: for walk-ins only, never given to a party that booked
    walk_in: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: where the floor plan draws it, as in the file (`models.rules.restaurant.floor_place`)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: the keys of what it offers; NULL: nothing
    features: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    active: Mapped[bool] = mapped_column(default=True)


class Combination(Base):
    """Tables that may be joined."""

    __tablename__ = "combinations"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "label", name="uq_combinations_restaurant_label"),
        CheckConstraint("min_party >= 1 AND max_party >= min_party", name="ck_combinations_party"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"))
    label: Mapped[str] = mapped_column(String(63))
    min_party: Mapped[int]
    max_party: Mapped[int]
    priority: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class CombinationTable(Base):
    """One table of a combination."""

    __tablename__ = "combination_tables"

    combination_id: Mapped[int] = mapped_column(ForeignKey("combinations.id"), primary_key=True)
    dining_table_id: Mapped[int] = mapped_column(ForeignKey("dining_tables.id"), primary_key=True)
