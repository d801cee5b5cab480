"""Operational state: idempotency keys, leases, job runs, processes, health history."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest


class IdempotencyKey(Base):
    """An accepted POST: the same key and body get the same answer again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created", "created_at"),)

    #: SHA-256 of scope and key
    key: Mapped[bytes] = mapped_column(digest(32), primary_key=True)
    #: keyed hash of the body
    body: Mapped[bytes] = mapped_column(digest(32))
    #: the reservation that the first request created; known before its row has an id
    reference: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Lease(Base):
    """A claim on a name that expires, such as which scheduler is the leader."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    holder: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRun(Base):
    """The last run of each scheduled job, and the results of the last health sweep."""

    __tablename__ = "job_runs"

    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    last_started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(255))
    duration_ms: Mapped[int | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ProcessSeen(Base):
    """A running process: web, worker or scheduler, with its clock and zone data."""

    __tablename__ = "processes"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    #: by the database's clock
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: milliseconds by which its own clock was ahead; NULL if unknown
    clock_ms: Mapped[int | None]
    #: the version of its time zone data
    zone_data: Mapped[str] = mapped_column(String(32))


class HealthChange(Base):
    """A result of the health sweep, valid until the next row."""

    __tablename__ = "health_changes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: what was overdue or unavailable, by name; empty while everything was healthy
    late: Mapped[list[str]] = mapped_column(JSON)


class Promotion(Base):
    """A server that became the primary, or a database that was restored; its first write.

    The row with the highest epoch is the newest; a server that lacks it was replaced.
    """

    __tablename__ = "promotions"

    #: seconds since 1970, and higher than every epoch before it
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    #: `host:port`; empty for a restore
    server: Mapped[str] = mapped_column(String(255))
    promoted_at: Mapped[datetime] = mapped_column(UtcDateTime)
