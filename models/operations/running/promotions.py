"""Record which server is the primary."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.running import Promotion
from models.rules.promotions import next_epoch


def write_promotion(session: Session, server: str, *, newest: int, now: datetime) -> int:
    """Return the epoch under which this database's server is the primary; write it if missing.

    `newest` is the newest epoch known elsewhere: an older row is no longer valid.
    """
    query = select(Promotion).order_by(Promotion.epoch.desc()).limit(1)
    last = session.scalars(query).one_or_none()
    if last is not None and last.server == server and last.epoch >= newest:
        return last.epoch
    epoch = next_epoch(max(newest, last.epoch if last else 0), now=now)
    session.add(Promotion(epoch=epoch, server=server, promoted_at=now))
    return epoch
