"""Presence: each process records that it is alive, with its clock and its time zone data."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from models.entities.running import ProcessSeen
from models.operations.running.jobs import insert_if_missing, touched

#: A row that is older belongs to a process that ended long ago.
KEPT: Final = timedelta(hours=1)


def show_process(
    session: Session,
    name: str,
    *,
    kind: str,
    clock_seconds: float | None,
    zone_data: str,
    now: datetime,
) -> None:
    """Record that this process is alive; `clock_seconds`: by how much its clock is ahead.

    `now` is the database's time, so that a wrong clock does not hide itself.
    """
    values: dict[str, Any] = {
        "kind": kind,
        "seen_at": now,
        "clock_ms": None if clock_seconds is None else round(clock_seconds * 1000),
        "zone_data": zone_data,
    }
    if not touched(session, update(ProcessSeen).where(ProcessSeen.name == name).values(values)):
        insert_if_missing(session, ProcessSeen, {"name": name, **values})
        session.execute(delete(ProcessSeen).where(ProcessSeen.seen_at < now - KEPT))
