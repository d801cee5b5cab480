"""Find the reservation that a manage token opens."""

import hmac
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import SignInFailed
from models.core.secrets.signing import ManageToken, read_manage_token
from models.entities.reservations import Reservation
from models.rules.reservations.links import has_ended


def opened_by(session: Session, token: str, *, now: datetime) -> int:
    """Return the reservation's id, in one query; without a query for a forged token.

    Raises SignInFailed if the token is forged, withdrawn or expired.
    """
    link = read_manage_token(token)
    row = session.execute(
        select(Reservation.link_secret, Reservation.ends_at).where(
            Reservation.id == link.reservation_id
        )
    ).one_or_none()
    if row is None or not opens(link, row.link_secret, ends_at=row.ends_at, now=now):
        raise SignInFailed("this link is not valid")
    return link.reservation_id


def opens(link: ManageToken, secret: bytes | None, *, ends_at: datetime, now: datetime) -> bool:
    """Return whether the link opens a reservation with this secret and this end.

    A link without a secret is older than these secrets and opens only a row without one: a row that
    was given a secret since accepts only links with it.
    """
    return hmac.compare_digest(link.secret or b"", secret or b"") and not has_ended(
        ends_at, now=now
    )
