"""Lists of the restaurants, and of the accounts with their roles."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities.accounts import Account, Membership
from models.entities.floor import DiningTable, Restaurant


@dataclass(frozen=True, slots=True)
class RestaurantLine:
    """One restaurant; `tables` counts the active ones."""

    slug: str
    name: str
    zone: str
    revision: int
    tables: int


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account's role at one restaurant; without any, `slug` and `role` are empty."""

    email: str
    name: str
    active: bool
    slug: str
    role: str


def slugs(session: Session) -> dict[int, str]:
    """Return every restaurant's slug, by id."""
    return {row.id: row.slug for row in session.execute(select(Restaurant.id, Restaurant.slug))}


def restaurants(session: Session) -> list[RestaurantLine]:
    """Return all restaurants, by slug."""
    count = (
        select(func.count())
        .where(DiningTable.restaurant_id == Restaurant.id, DiningTable.active)
        .scalar_subquery()
    )
    query = select(
        Restaurant.slug, Restaurant.name, Restaurant.zone, Restaurant.revision, count
    ).order_by(Restaurant.slug)
    return [RestaurantLine(*row) for row in session.execute(query)]


def accounts(session: Session) -> list[AccountLine]:
    """Return all accounts with each of their roles, by e-mail address."""
    query = (
        select(Account.email, Account.name, Account.active, Restaurant.slug, Membership.role)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .outerjoin(Restaurant, Restaurant.id == Membership.restaurant_id)
        .order_by(Account.email, Restaurant.slug)
    )
    return [
        AccountLine(row.email, row.name, row.active, row.slug or "", row.role or "")
        for row in session.execute(query)
    ]
