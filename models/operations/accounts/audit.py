"""The audit log: staff access, exports, erasures and changes; never the contact concerned."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.privacy import AuditEntry

#: References that one entry names; the rest is only counted.
NAMED = 100


def note(
    session: Session,
    restaurant_id: int,
    *,
    actor: str,
    action: str,
    about: Iterable[str],
    now: datetime,
) -> None:
    """Add one entry. `about`: references of reservations, or a file's name and version."""
    named = list(about)
    if len(named) > NAMED:
        named = [*named[:NAMED], f"and {len(named) - NAMED} more"]
    values = {
        "restaurant_id": restaurant_id,
        "at": now,
        "actor": actor,
        "action": action,
        "about": named,
    }
    session.execute(insert(table_of(AuditEntry)), values)
