"""The settings of feature flags, and their history."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime


class FlagSwitch(Base):
    """The setting of one flag, for the whole installation (restaurant 0) or for one restaurant."""

    __tablename__ = "flag_switches"

    flag: Mapped[str] = mapped_column(String(40), primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    percent: Mapped[int]
    is_killed: Mapped[bool]
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(40))


class FlagChange(Base):
    """One change of a flag's setting. `percent` is NULL if the setting was removed."""

    __tablename__ = "flag_changes"
    __table_args__ = (Index("ix_flag_changes_flag", "flag", "restaurant_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    flag: Mapped[str] = mapped_column(String(40))
    restaurant_id: Mapped[int]
    percent: Mapped[int | None]
    is_killed: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: staff:<account id> | operator
    actor: Mapped[str] = mapped_column(String(40))
