"""The names of those who acted, for the histories that the staff read."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.accounts import Account

_STAFF = "staff:"


def actor_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """The name of each actor that is an account (`staff:17`), or its e-mail address. One query.

    Other actors are left out.
    """
    numbers = {int(actor.removeprefix(_STAFF)) for actor in actors if actor.startswith(_STAFF)}
    if not numbers:
        return {}
    query = select(Account.id, Account.name, Account.email).where(Account.id.in_(numbers))
    return {f"{_STAFF}{row.id}": row.name or row.email for row in session.execute(query)}
