"""Accounts, their sign-ins, and their roles at restaurants."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest


class Account(Base):
    """A person or a machine that signs in. `email` is stored in lower case."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    #: Argon2id, in the PHC string format
    password_hash: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: end of validity of a generated password, which only permits choosing another one; NULL: not
    #: generated
    first_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SecondFactor(Base):
    """The secret from which an account's one-time codes are computed (TOTP, RFC 6238)."""

    __tablename__ = "second_factors"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    #: encrypted, bound to the account
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: NULL: set-up has begun, and no code is required yet
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: number of the 30-second step of the last accepted code; it and earlier ones are refused
    last_step: Mapped[int] = mapped_column(BigId, default=0)


class RecoveryCode(Base):
    """A code that replaces a lost second factor, hashed. Deleted once it was used."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    code: Mapped[bytes] = mapped_column(digest(32), primary_key=True)


class Membership(Base):
    """An account's role at one restaurant: owner, manager, host or viewer."""

    __tablename__ = "memberships"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8))


class SignIn(Base):
    """One sign-in, from password to sign-out: every token of it carries this row's id.

    A refresh token can be used once: `refresh_id` names the valid one. An older one presented again
    means a stolen token, and revokes the sign-in.
    """

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_account", "account_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    refresh_id: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
