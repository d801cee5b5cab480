"""Memberships: give roles to accounts and take them away; close and reopen accounts."""

from datetime import datetime
from typing import Final

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from models.core.errors import NotFound
from models.entities.accounts import Account, Membership
from models.operations.accounts import second_factors

#: Stored in place of a hash: no password matches it.
NOBODY_KNOWS: Final = "none"


def find_account(session: Session, email: str) -> int | None:
    """Return the id of the account with that e-mail address, active or not."""
    return session.scalar(select(Account.id).where(Account.email == email.strip().lower()))


def take_role(session: Session, email: str, *, restaurant_id: int) -> None:
    """Remove the account's role at the restaurant. Raises NotFound if it had none."""
    gone = session.execute(
        delete(Membership).where(
            Membership.restaurant_id == restaurant_id,
            Membership.account_id == (find_account(session, email) or 0),
        )
    )
    if not (isinstance(gone, CursorResult) and gone.rowcount):
        raise NotFound(f"{email} has no role at this restaurant")


def close_account(session: Session, email: str, *, now: datetime) -> None:
    """Close the account: end its sign-ins, roles, second factor and password.

    The row stays, for the audit log and the history that name it. Raises NotFound.
    """
    account_id = find_account(session, email)
    if account_id is None:
        raise NotFound(f"there is no account {email}")
    session.execute(update(Account).where(Account.id == account_id).values(active=False))
    _take_everything(session, account_id, now=now)


def is_closed(session: Session, account_id: int) -> bool:
    """Return whether the account was closed."""
    return not session.scalar(select(Account.active).where(Account.id == account_id))


def reopen_account(
    session: Session,
    account_id: int,
    *,
    password_hash: str,
    now: datetime,
    first_until: datetime | None = None,
) -> None:
    """Reopen a closed account with this password, and nothing that it had before.

    `first_until`: as for `create_account`.
    """
    # An account that an earlier release closed still has all of it.
    _take_everything(session, account_id, now=now)
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(active=True, password_hash=password_hash, first_until=first_until)
    )


def _take_everything(session: Session, account_id: int, *, now: datetime) -> None:
    second_factors.remove(session, account_id, now=now)  # ends the sign-ins too
    session.execute(delete(Membership).where(Membership.account_id == account_id))
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(password_hash=NOBODY_KNOWS, first_until=None)
    )
