"""Leases: rows that one process holds at a time, until it gives them up or their time is over.

`tasks.leases` takes them for a process. A message's claim is a lease of another kind: columns of
the row itself (`models.operations.messages.claims`).
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from models.entities.running import Lease
from models.operations.running.jobs import insert_if_missing, touched


def lead(session: Session, name: str, *, holder: str, now: datetime, seconds: float) -> bool:
    """Take the lease `name`, or renew it, until `now + seconds`. False if another process holds it.

    A lease is free if it has expired, or if it runs so much longer than a lease lasts that a wrong
    clock must have written it. `now` is the database's time (`database_now`), the same for all
    holders.
    """
    values = {"holder": holder, "expires_at": now + timedelta(seconds=seconds)}
    too_long = Lease.expires_at > now + timedelta(seconds=3 * seconds)
    free = or_(Lease.holder == holder, Lease.expires_at <= now, too_long)
    if touched(session, update(Lease).where(Lease.name == name, free).values(values)):
        return True
    return insert_if_missing(session, Lease, {"name": name, **values})


def give_up(session: Session, name: str, *, holder: str) -> None:
    """Release the lease, so that another process can lead immediately. Only its holder can."""
    session.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))


def drop_leases(session: Session, names: Collection[str]) -> None:
    """Delete these leases, whoever holds them: their holders belong to another database."""
    session.execute(delete(Lease).where(Lease.name.in_(names)))
