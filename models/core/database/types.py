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
        """`DATETIME` alone drops fractions on MySQL and MariaDB."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in; naive UTC stored. A naive value is a bug, so it raises."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without its offset cannot be stored: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC stored; aware out."""
        return None if value is None else value.replace(tzinfo=UTC)


#: A 64-bit key. SQLite only auto-increments `INTEGER`, so it gets that there.
BigId = BigInteger().with_variant(Integer(), "sqlite")


def digest(size: int) -> TypeEngine[bytes]:
    """A hash of `size` bytes. A BLOB, which is what LargeBinary means to MySQL, cannot be a key."""
    return LargeBinary(size).with_variant(VARBINARY(size), "mysql", "mariadb")
