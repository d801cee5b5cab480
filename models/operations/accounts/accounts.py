"""Accounts and their sign-ins. A sign-in's row alone decides whether its tokens are valid."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotFound
from models.core.settings import settings
from models.entities.accounts import Account, Membership, SecondFactor, SignIn
from models.queries.accounts.accounts import is_sign_in
from models.rules.passwords import weakness
from models.rules.permissions import Role


@dataclass(frozen=True, slots=True)
class OpenedSignIn:
    """A sign-in, with its only valid refresh token."""

    sign_in_id: int
    account_id: int
    refresh_id: str
    began: datetime


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _unusable_hash() -> str:
    return _hasher().hash(uuid.uuid4().hex)


def hash_password(password: str, *, about: Iterable[str] = ()) -> str:
    """Hash with Argon2id, in the PHC string format. Raises Invalid for a weak password."""
    wrong = weakness(password, about=about)
    if wrong:
        raise Invalid.field("password", wrong)
    return _hasher().hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Return whether the password matches. Does the same work when there is no hash to check.

    Takes tens of milliseconds of CPU: call it outside any transaction.
    """
    try:
        _hasher().verify(password_hash or _unusable_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def create_account(
    session: Session,
    email: str,
    *,
    name: str,
    password_hash: str,
    now: datetime,
    first_until: datetime | None = None,
) -> int:
    """Create an account; return its id. Raises Invalid if the e-mail address is taken.

    `first_until`: the password was generated, and until then it can be used to choose another.
    """
    normal = email.strip().lower()
    if session.scalar(select(Account.id).where(Account.email == normal)) is not None:
        raise Invalid.field("email", "is taken by another account")
    account = Account(
        email=normal,
        name=name,
        password_hash=password_hash,
        active=True,
        created_at=now,
        first_until=first_until,
    )
    session.add(account)
    session.flush()
    return account.id


def set_password(session: Session, email: str, *, password_hash: str, now: datetime) -> None:
    """Set a new password, and end every sign-in of the account. Raises NotFound."""
    account = session.scalar(select(Account).where(Account.email == email.strip().lower()))
    if account is None:
        raise NotFound("there is no such account")
    account.password_hash = password_hash
    account.first_until = None
    end_sign_ins(session, account.id, now=now)


def end_sign_ins(session: Session, account_id: int, *, now: datetime) -> None:
    """Revoke all tokens of the account. Safe to repeat."""
    session.execute(
        update(SignIn)
        .where(SignIn.account_id == account_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def grant_role(session: Session, account_id: int, *, restaurant_id: int, role: Role) -> None:
    """Give the account this role at the restaurant, in place of any it had."""
    member = session.get(Membership, (account_id, restaurant_id))
    if member is None:
        session.add(Membership(account_id=account_id, restaurant_id=restaurant_id, role=role.value))
    else:
        member.role = role.value
    session.flush()


def open_sign_in(session: Session, account_id: int, *, now: datetime) -> OpenedSignIn:
    """Create a sign-in that lasts `refresh_days`, with the id of its first refresh token."""
    row = SignIn(
        account_id=account_id,
        refresh_id=str(uuid.uuid4()),
        created_at=now,
        expires_at=now + timedelta(days=settings().refresh_days),
    )
    session.add(row)
    session.flush()
    return OpenedSignIn(row.id, account_id, row.refresh_id, now)


def rotate_refresh(
    session: Session,
    sign_in_id: int,
    *,
    refresh_id: str,
    fresh: str,
    began: datetime | None,
    now: datetime,
    needs_factor: bool = False,
) -> OpenedSignIn | None:
    """Spend a refresh token and return the next; None: it is invalid, the caller signs in again.

    `fresh` is the next one's id, made before the transaction: if the transaction is repeated
    because the answer to its COMMIT was lost, it finds that id and succeeds. `began`: the start of
    the sign-in, as the token states it. `needs_factor`: valid only if the account has a second
    factor.

    A token that was spent before means that somebody copied it: the sign-in is revoked. This
    returns None and does not raise, because the revocation must be committed.
    """
    counts = select(Account.id).where(Account.active)
    if needs_factor:
        with_one = select(SecondFactor.account_id).where(SecondFactor.confirmed_at.is_not(None))
        counts = counts.where(Account.id.in_(with_one))
    spent = session.execute(
        update(SignIn)
        .where(
            *is_sign_in(sign_in_id, began),
            SignIn.refresh_id.in_((refresh_id, fresh)),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
            SignIn.account_id.in_(counts),
        )
        .values(refresh_id=fresh)
    )
    if isinstance(spent, CursorResult) and spent.rowcount == 1:
        row = session.get_one(SignIn, sign_in_id)
        return OpenedSignIn(row.id, row.account_id, fresh, row.created_at)
    session.execute(
        update(SignIn)
        .where(*is_sign_in(sign_in_id, began), SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return None


def close_own_sign_in(session: Session, account_id: int, sign_in_id: int, *, now: datetime) -> None:
    """End a sign-in of this account. Raises NotFound if it has no such sign-in. Safe to repeat."""
    row = session.get(SignIn, sign_in_id)
    if row is None or row.account_id != account_id:
        raise NotFound("there is no such sign-in")
    close_sign_in(session, sign_in_id, now=now)


def close_sign_in(session: Session, sign_in_id: int, *, now: datetime) -> None:
    """Revoke all tokens of this sign-in. Safe to repeat."""
    session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.revoked_at.is_(None))
        .values(revoked_at=now)
    )
