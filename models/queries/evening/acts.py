"""The history of an evening: what hosts did that is not about one reservation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.accounts import Account
from models.entities.evening import EveningAct

_STAFF: Final = "staff:"


@dataclass(frozen=True, slots=True)
class ActView:
    """One act. `name`: of the account, or else its e-mail address; None if it is gone."""

    at: datetime
    actor: str
    name: str | None
    act: str
    detail: Mapping[str, Any]


def acts_of(session: Session, restaurant_id: int, service_date: date) -> list[ActView]:
    """Return the day's acts, the oldest first. Two queries."""
    row = EveningAct
    query = select(row.at, row.actor, row.act, row.detail).where(
        row.restaurant_id == restaurant_id, row.service_date == service_date
    )
    found = session.execute(query.order_by(row.id)).all()
    names = _names(session, {each.actor for each in found})
    return [
        ActView(each.at, each.actor, names.get(each.actor), each.act, each.detail) for each in found
    ]


def _names(session: Session, actors: Collection[str]) -> dict[str, str]:
    """Return actor -> the account's name, or its e-mail address if it has none."""
    ids = [int(each.removeprefix(_STAFF)) for each in actors if each.startswith(_STAFF)]
    query = select(Account.id, Account.name, Account.email).where(Account.id.in_(ids))
    return {f"{_STAFF}{each.id}": each.name or each.email for each in session.execute(query)}
