"""Set flags, for the whole installation or one restaurant; each change is recorded."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotFound
from models.entities.flags import FlagChange, FlagSwitch
from models.entities.reservations import Reservation
from models.rules.flags import ALL, EVERYWHERE, Flag
from models.rules.reservations.lifecycle import Status


def set_flag(
    session: Session,
    name: str,
    *,
    restaurant_id: int = EVERYWHERE,
    percent: int = ALL,
    is_killed: bool = False,
    now: datetime,
    actor: str,
) -> None:
    """Set a flag; every process applies it within two seconds.

    Raises NotFound for an unknown flag, Invalid for a percentage outside 0 to 100.
    """
    flag = flag_named(name)
    if not 0 <= percent <= ALL:
        raise Invalid.field("percent", "must be from 0 to 100")
    row = session.get(FlagSwitch, (flag.value, restaurant_id), with_for_update=True)
    if row is None:
        row = FlagSwitch(flag=flag.value, restaurant_id=restaurant_id)
        session.add(row)
    row.percent, row.is_killed = percent, is_killed
    row.changed_at, row.changed_by = now, actor
    _write_down(session, row.flag, restaurant_id, percent, is_killed, now=now, actor=actor)


def clear_flag(
    session: Session, name: str, *, restaurant_id: int = EVERYWHERE, now: datetime, actor: str
) -> bool:
    """Delete a switch, so that the installation's (or on) applies. False if there was none."""
    flag = flag_named(name)
    row = session.get(FlagSwitch, (flag.value, restaurant_id), with_for_update=True)
    if row is None:
        return False
    session.delete(row)
    _write_down(session, flag.value, restaurant_id, None, False, now=now, actor=actor)
    return True


def flag_named(name: str) -> Flag:
    """Return the flag of that name. Raises NotFound."""
    try:
        return Flag(name)
    except ValueError:
        raise NotFound(f"unknown flag; known flags: {', '.join(Flag)}") from None


def offers_to_repeat(session: Session, *, after: int, until: datetime) -> tuple[int, set[int]]:
    """Find restaurants where freed tables may have been left unoffered and may now be offered.

    Reads the changes of WAITLIST_OFFERS with a higher id than `after`, up to `until`. Return the
    last one's id, and the restaurants that have a waitlist.
    """
    query = select(FlagChange.id, FlagChange.restaurant_id).where(
        FlagChange.id > after, FlagChange.flag == Flag.WAITLIST_OFFERS, FlagChange.at <= until
    )
    found = session.execute(query).all()
    if not found:
        return after, set()
    restaurants = {row.restaurant_id for row in found}
    waits = (Reservation.status == Status.WAITLISTED, Reservation.starts_at > until)
    waiting = set(session.scalars(select(Reservation.restaurant_id).where(*waits).distinct()))
    last = max(row.id for row in found)
    return last, waiting if EVERYWHERE in restaurants else waiting & restaurants


def _write_down(
    session: Session,
    flag: str,
    restaurant_id: int,
    percent: int | None,
    is_killed: bool,
    *,
    now: datetime,
    actor: str,
) -> None:
    session.add(
        FlagChange(
            flag=flag,
            restaurant_id=restaurant_id,
            percent=percent,
            is_killed=is_killed,
            at=now,
            actor=actor,
        )
    )
