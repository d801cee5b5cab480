"""A whole evening at one restaurant, through the operations alone; then the integrity check."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import update

from models.core.database.transactions import reading
from models.entities import Message
from models.integrity.check import Finding, findings
from models.operations.reservations.changes import edit_details
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import GuestDetails
from models.rules.restaurant.restaurant import QUARTER_SECONDS
from tasks.jobs.stand import STAND_JOBS
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

GRACE = 60.0
#: the second day, an hour after its first parties were seated
LATER = START + timedelta(days=1, hours=1)
TABLES = {str(number): ("hall", 1, 2) for number in range(1, 5)} | {
    "5": ("hall", 2, 4),
    "6": ("hall", 2, 4),
    "7": ("terrace", 1, 4),
    "8": ("terrace", 4, 6),
}
COMBINATIONS = {"5+6": (("5", "6"), 5, 8)}
POLICIES = {
    "pacing": {"covers": 14, "parties": 6, "online_covers": 12},
    "buffer_minutes": 15,
    "max_party_online": 8,
    "waitlist_parties": 4,
}


def quarters(count: int) -> timedelta:
    return timedelta(seconds=count * QUARTER_SECONDS)


def open_evening(
    restaurant: Callable[..., OpenRestaurant], bind: object, *, slug: str = "demo"
) -> Stand:
    """Open a restaurant with combinations, a buffer and pacing."""
    made = restaurant(slug=slug, tables=TABLES, combinations=COMBINATIONS, policies=POLICIES)
    return Stand(bind, made)  # type: ignore[arg-type]


def play(stand: Stand) -> dict[str, int]:
    """Play everything that can happen to a party, some of it at every hour.

    Returns reservations by name.
    """
    book_days_before(stand)
    named = come_and_go(stand)
    send_due(stand, until=LATER)
    return named


def book_days_before(stand: Stand) -> None:
    """More requests than tables; some change, cancel or edit contacts; staff book too."""
    asked = [
        stand.ask(1 + number % 8, start=START + quarters(number * 5 % 16 - 8), phone=_phone(number))
        for number in range(40)
    ]
    held = [number for number in asked if stand.row(number).status == Status.CONFIRMED]
    assert len(held) > 8
    for number in held[:3]:
        stand.change(number, starts_at=START + timedelta(hours=2))
    stand.change(held[3], party_size=8)
    for number in held[4:6]:
        _edit(stand, number)
    stand.change(held[4], starts_at=START + timedelta(hours=2, minutes=30))
    for number in held[6:8]:
        stand.cancel(number)
    stand.book(2, tables=("8",), start=START + timedelta(days=2), force_pacing=True)
    stand.book(3, start=START + timedelta(days=2), email=None)


def _phone(number: int) -> str | None:
    return f"+1555010{number:04}" if number % 3 else None


def _edit(stand: Stand, number: int) -> None:
    guest = GuestDetails(name="Somebody Else", email=None, phone=f"+1555020{number:04}")
    stand.do(lambda session: edit_details(session, number, guest=guest, now=NOW, actor="guest"))


def come_and_go(stand: Stand) -> dict[str, int]:
    """The evening: parties early, late, moved, no-shows, undone moves; and the scheduled jobs."""
    named = {
        name: stand.book(2, start=start, force_pacing=True)
        for name, start in {
            "early": START + timedelta(days=1),
            "late": START + timedelta(days=1),
            "elsewhere": START + timedelta(days=1),
            "never": START + timedelta(days=1),
            "absent": START + timedelta(days=1),
            "forgotten": START + timedelta(days=1),
        }.items()
    }
    day = START + timedelta(days=1)
    stand.move(seat, named["early"], now=day - timedelta(minutes=20))
    stand.move(arrive, named["late"], now=day + timedelta(minutes=10))
    stand.move(seat, named["late"], now=day + timedelta(minutes=35))
    stand.move(take_back, named["late"], now=day + timedelta(minutes=36))
    stand.move(seat, named["late"], now=day + timedelta(minutes=50))
    tables = (stand.restaurant.tables["8"],)
    stand.move(seat, named["elsewhere"], now=day + timedelta(minutes=5), table_ids=tables)
    for name in ("never", "absent"):
        stand.move(mark_no_show, named[name], now=day + timedelta(minutes=16))
    stand.move(take_back, named["never"], now=day + timedelta(minutes=40))
    stand.move(seat, named["forgotten"], now=day)
    stand.move(finish, named["early"], now=day + timedelta(minutes=47))
    named["walk_in"] = stand.book(2, start=day + quarters(4), now=day + quarters(4), walk_in=True)
    stand.move(seat, named["walk_in"], now=day + quarters(4))
    clock(stand, now=LATER)
    return named


def clock(stand: Stand, *, now: datetime) -> None:
    """Run the scheduled jobs as of `now`, then the allocation lane."""
    for job in STAND_JOBS.values():
        job(now)
    stand.drain(now=now)


def send_due(stand: Stand, *, until: datetime) -> None:
    """Mark due messages as sent, as the message worker would."""
    stand.plant(
        update(Message)
        .where(Message.due_at <= until, Message.state == "queued")
        .values(
            state="sent",
            sent_at=until,
            provider_id="1",
            claim="worker",
            attempts=1,
            recipient_sealed=None,
        )
    )


def check(stand: Stand, *, now: datetime = START) -> list[Finding]:
    """Return the findings of the integrity check at `now`."""
    with reading(stand.bind) as session:
        return findings(session, now=now, grace_seconds=GRACE)
