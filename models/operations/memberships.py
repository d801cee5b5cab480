"""Who works where: roles given to accounts and taken from them."""

from datetime import datetime

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from models.core.errors import NotFound
from models.entities.accounts import Account, Membership, SignIn


def find_account(session: Session, email: str) -> int | None:
    """The account of that e-mail address, active or not."""
    return session.scalar(select(Account.id).where(Account.email == email.strip().lower()))


def take_role(session: Session, email: str, *, restaurant_id: int) -> None:
    """The account has no role at the restaurant any more. Raises NotFound when it had none."""
    gone = session.execute(
        delete(Membership).where(
            Membership.restaurant_id == restaurant_id,
            Membership.account_id == (find_account(session, email) or 0),
        )
    )
    if not (isinstance(gone, CursorResult) and gone.rowcount):
        raise NotFound(f"{email} has no role there")


def close_account(session: Session, email: str, *, now: datetime) -> None:
    """The account may not sign in any more, and its sign-ins end now. Raises NotFound."""
    account_id = find_account(session, email)
    if account_id is None:
        raise NotFound(f"there is no account {email}")
    session.execute(update(Account).where(Account.id == account_id).values(active=False))
    session.execute(
        update(SignIn)
        .where(SignIn.account_id == account_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def reopen_account(session: Session, account_id: int) -> None:
    """The account may sign in again."""
    session.execute(update(Account).where(Account.id == account_id).values(active=True))
