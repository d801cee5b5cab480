"""Column types that behave alike on MySQL, MariaDB and SQLite."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary
from sqlalchemy.dialects.mysql import DATETIME, VARBINARY
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as naive UTC with microseconds (`DATETIME(6)`)."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use `DATETIME(6)` on MySQL and MariaDB, whose plain `DATETIME` drops fractions."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware datetime to naive UTC. A naive one is a bug and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its offset cannot be stored: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert the stored naive UTC to an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


#: A 64-bit key. SQLite only auto-increments `INTEGER`, so it uses that type.
BigId = BigInteger().with_variant(Integer(), "sqlite")


def digest(size: int) -> TypeEngine[bytes]:
    """Type of a hash of `size` bytes. MySQL's type for LargeBinary, BLOB, cannot be a key."""
    return LargeBinary(size).with_variant(VARBINARY(size), "mysql", "mariadb")
