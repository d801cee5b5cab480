"""What the stand knows of a party beyond its reservation; a row only where there is something."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime
from models.core.secrets.encryption import seal, unseal


@dataclass(frozen=True, slots=True)
class Details:
    """Facts for the staff, never shown to a guest. Excluded from repr, and so from logs."""

    allergies: str = field(default="", repr=False)
    occasion: str = field(default="", repr=False)
    vip: bool = False
    tags: tuple[str, ...] = field(default=(), repr=False)


class PartyDetails(Base):
    """The details of one reservation, and how it comes. Erased with its guest."""

    __tablename__ = "party_details"

    reservation_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    restaurant_id: Mapped[int]
    #: the party said that it comes at this time, after its start; NULL: it did not
    expected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: so many of the party are here; NULL: all of them, or none
    arrived_covers: Mapped[int | None]
    #: what the party spent, in hundredths of the restaurant's currency; NULL: not known
    spend: Mapped[int | None] = mapped_column(BigInteger)
    vip: Mapped[bool] = mapped_column(default=False, server_default="0")
    #: allergies, occasion and tags, encrypted: see `details_of`
    details_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


def details_of(row: Any, *, reference: str) -> Details:
    """Decrypt a party's details; `row` is an entity, or has its columns; None: no details.

    Raises DecryptionFailed.
    """
    if row is None:
        return Details()
    if row.details_sealed is None:
        return Details(vip=bool(row.vip))
    allergies, occasion, tags = open_details(row.details_sealed, reference=reference)
    return Details(allergies, occasion, bool(row.vip), tuple(tags))


def seal_details(details: Details, *, reference: str) -> bytes | None:
    """Encrypt allergies, occasion and tags for that reservation; None if there are none."""
    values = [details.allergies, details.occasion, list(details.tags)]
    return seal(orjson.dumps(values), about=_about(reference)) if any(values) else None


def open_details(sealed: bytes, *, reference: str) -> tuple[str, str, list[str]]:
    """Return allergies, occasion and tags. Raises DecryptionFailed."""
    allergies, occasion, tags = orjson.loads(unseal(sealed, about=_about(reference)))
    return allergies, occasion, tags


def reseal_details(sealed: bytes, *, reference: str) -> bytes:
    """Re-encrypt the value with the primary key. Raises DecryptionFailed."""
    return seal(unseal(sealed, about=_about(reference)), about=_about(reference))


def _about(reference: str) -> str:
    return f"party details of {reference}"
