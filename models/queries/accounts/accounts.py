"""Callers: an account with its sign-in and its roles, in one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.core.errors import NotAllowed, NotFound, SignInFailed
from models.entities.accounts import Account, Membership, SecondFactor, SignIn
from models.entities.floor import Restaurant
from models.rules.permissions import Permission, Role, may


@dataclass(frozen=True, slots=True)
class CallerRole:
    """An account's role at one restaurant."""

    restaurant_id: int
    slug: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in account and its roles."""

    account_id: int
    sign_in_id: int
    email: str
    name: str
    roles: tuple[CallerRole, ...]
    has_second_factor: bool

    @property
    def actor(self) -> str:
        """The name under which moves are recorded."""
        return f"staff:{self.account_id}"

    def check(self, restaurant_id: int, permission: Permission, *, missing: str) -> None:
        """Raise NotFound(`missing`) without a role there, NotAllowed without the permission."""
        role = next((own.role for own in self.roles if own.restaurant_id == restaurant_id), None)
        if role is None:
            raise NotFound(missing)
        if not may(role, permission):
            raise NotAllowed(f"your role here ({role}) does not include {permission}")

    def has(self, restaurant_id: int, permission: Permission) -> bool:
        """Return whether `check` would pass."""
        return any(
            own.restaurant_id == restaurant_id and may(own.role, permission) for own in self.roles
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """The data that a sign-in is checked against."""

    account_id: int
    email: str
    name: str
    password_hash: str
    #: The password was generated, and until then it can be used to choose another.
    first_until: datetime | None
    has_second_factor: bool


def credentials(session: Session, email: str) -> Credentials | None:
    """Return the active account of that e-mail address, or None."""
    query = (
        select(
            Account.id,
            Account.email,
            Account.name,
            Account.password_hash,
            Account.first_until,
            SecondFactor.confirmed_at.is_not(None),
        )
        .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
        .where(Account.email == email.strip().lower(), Account.active)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else Credentials(*row)


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """A valid sign-in, with its start and its latest end."""

    id: int
    created_at: datetime
    expires_at: datetime


def open_sign_ins(session: Session, account_id: int, *, now: datetime) -> list[OpenSignIn]:
    """Return the valid sign-ins of one account, the newest first."""
    query = (
        select(SignIn.id, SignIn.created_at, SignIn.expires_at)
        .where(
            SignIn.account_id == account_id, SignIn.revoked_at.is_(None), SignIn.expires_at > now
        )
        .order_by(SignIn.id.desc())
    )
    return [OpenSignIn(*row) for row in session.execute(query)]


def is_sign_in(sign_in_id: int, began: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Return conditions for the sign-in with this id that began in this second.

    The id alone is not enough: after a restore of the database it is given out again. `began` is
    None for a token older than that claim.
    """
    same = (SignIn.id == sign_in_id,)
    if began is None:
        return same
    return (*same, SignIn.created_at >= began, SignIn.created_at < began + timedelta(seconds=1))


def caller(session: Session, sign_in_id: int, *, began: datetime | None, now: datetime) -> Caller:
    """Return the account behind a sign-in. Raises SignInFailed if either of them has ended."""
    query = (
        select(
            Account.id,
            Account.email,
            Account.name,
            Membership.restaurant_id,
            Membership.role,
            Restaurant.slug,
            Restaurant.name.label("restaurant"),
            SecondFactor.confirmed_at.is_not(None).label("has_second_factor"),
        )
        .select_from(SignIn)
        .join(Account, Account.id == SignIn.account_id)
        .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
        .outerjoin(Membership, Membership.account_id == Account.id)
        .outerjoin(Restaurant, Restaurant.id == Membership.restaurant_id)
        .where(
            *is_sign_in(sign_in_id, began),
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > now,
            Account.active,
        )
        .order_by(Restaurant.slug)
    )
    rows = session.execute(query).all()
    if not rows:
        raise SignInFailed("this sign-in has ended; sign in again")
    roles = tuple(
        CallerRole(row.restaurant_id, row.slug, row.restaurant, Role(row.role))
        for row in rows
        if row.restaurant_id is not None
    )
    first = rows[0]
    return Caller(
        first.id, sign_in_id, first.email, first.name, roles, bool(first.has_second_factor)
    )
