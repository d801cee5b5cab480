"""Who signs in, and where they may do what."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.core.db import Base
from models.core.types import BigId, UtcDateTime


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


class Membership(Base):
    """An account's role at one restaurant: owner, manager, host or viewer."""

    __tablename__ = "memberships"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    restaurant_id: Mapped[int] = mapped_column(ForeignKey("restaurants.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8))


class SignIn(Base):
    """One sign-in, from password to sign-out: every token of it carries this row's id.

    A refresh token is good once: `refresh_id` names the one that counts. An older one presented
    again means a stolen token, and revokes the sign-in.
    """

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_account", "account_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    refresh_id: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
