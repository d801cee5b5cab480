"""The audit log of one restaurant, newest first."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.privacy import AuditEntry


def audit_of(
    session: Session, restaurant_id: int, *, before: int | None, limit: int
) -> Sequence[AuditEntry]:
    """Return at most `limit` entries older than `before` (an entry's id)."""
    query = select(AuditEntry).where(AuditEntry.restaurant_id == restaurant_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()
