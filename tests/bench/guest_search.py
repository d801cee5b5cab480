"""How long a search in the guest book takes: `python -m tests.bench.guest_search [GUESTS]`.

One restaurant with that many guests (200,000), each with an address, a number and one or more
reservations, on MariaDB. Frequent names are as frequent as in a telephone book. It prints the speed
of filing them, the time of each kind of search, and how many times that of a bare SELECT of as many
rows by an index it is: the machine's speed is in both.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Final

from sqlalchemy import insert, select

from models.core.database.connections import patience
from models.core.database.transactions import engine, reading, unit
from models.core.secrets.signing import contact_key
from models.entities import Reservation
from models.entities.guest_book import GuestName, GuestRecord
from models.entities.sealed_guest import Guest, seal_guest
from models.operations.guest_book.filing import file_some
from models.queries.guest_book.keys import name_key
from models.queries.guest_book.record import view_record
from models.queries.guest_book.search import CANDIDATES, search_guests
from models.rules.guest_book import read_search
from tests.bench import restaurants as made
from tests.bench.ground import BIN, ground
from tests.services.counting import counting

#: Milliseconds promised for the slowest in a hundred searches, among 200,000 guests.
PROMISED_MS: Final = 50.0
_FIRST = ("anna", "peter", "maria", "thomas", "julia", "michael", "laura", "andreas", "jan", "eva")
_LAST = ("müller", "schmidt", "schneider", "fischer", "weber", "meyer", "wagner", "becker")
_PARTS = ("ha", "ber", "lin", "ko", "stein", "mar", "ow", "ski", "feld", "ru", "nau", "gel", "tor")
_ROWS_AT_ONCE: Final = 2_000
_TIMES: Final = 60
SEARCHES: Final = (
    "mül", "müller", "anna", "anna mül", "eva schmidt", "sch", "haberlin", "3456", "030 123456",
    "guest77@example.com", "nobody here",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Fill, file, search; return 1 if a search is slower than promised."""
    guests = int(arguments[0]) if arguments else 200_000
    with patience(), ground(server=("--innodb-flush-log-at-trx-commit=2",)) as bench:
        os.environ.update(bench.env)
        bench.database.new_database("bench")
        subprocess.run([BIN / "maitred", "migrate"], env=bench.env, check=True, capture_output=True)
        (restaurant,) = made.make_restaurants(engine(), 1, each=10, prefix="people")
        rows = _fill(restaurant.id, guests)
        took = _timed(_file_all)
        print(f"{rows:,} reservations filed in {took:.0f} s: {rows / took:,.0f}/s", flush=True)
        slow = _search_all(restaurant.id)
        engine().dispose()
    return 1 if slow else 0


def _search_all(restaurant_id: int) -> bool:
    slow = False
    for words in SEARCHES:
        with counting(engine()) as counted:
            found = _search(restaurant_id, words)
        took = sorted(_timed(partial(_search, restaurant_id, words)) for _ in range(_TIMES))
        half, most = took[_TIMES // 2] * 1000, took[-1] * 1000
        slow = slow or most > PROMISED_MS
        more, ratio = "+" if found[1] else "", half / _bare_ms(restaurant_id, words)
        print(
            f"search {words!r}: {found[0]}{more} found, {half:.1f} ms, the slowest of {_TIMES} "
            f"{most:.1f} ms, {counted.count} queries, {ratio:.0f} times a bare SELECT",
            flush=True,
        )
    took = sorted(_timed(lambda: _open(restaurant_id)) for _ in range(_TIMES))
    print(f"open a record: {took[_TIMES // 2] * 1000:.1f} ms, the slowest {took[-1] * 1000:.1f} ms")
    return slow


def _bare_ms(restaurant_id: int, words: str) -> float:
    """Milliseconds of a SELECT by the index of names, and of the records it names by their keys."""
    key = name_key(restaurant_id, words[:8])
    numbers = select(GuestName.guest_id).where(
        GuestName.restaurant_id == restaurant_id, GuestName.word_key == key
    )

    def work() -> None:
        with engine().connect() as connection:
            found = connection.scalars(numbers.limit(CANDIDATES)).all()
            table = GuestRecord.__table__
            connection.execute(select(table).where(table.c.id.in_(found))).all()

    return sorted(_timed(work) for _ in range(_TIMES))[_TIMES // 2] * 1000


def _search(restaurant_id: int, words: str) -> tuple[int, bool]:
    with reading() as session:
        found = search_guests(session, restaurant_id, read_search(words))
        return len(found.guests), found.more


def _open(restaurant_id: int) -> None:
    with reading() as session:
        number = search_guests(session, restaurant_id, read_search("guest77@example.com"))
        view_record(session, restaurant_id, number.guests[0].record.id)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _file_all() -> None:
    after = 0
    while (
        filed := unit(
            lambda session, after=after: file_some(  # type: ignore[misc]
                session, after=after, now=datetime.now(UTC), limit=500
            )
        )
    ).more:
        after = filed.last


def _fill(restaurant_id: int, guests: int) -> int:
    dice, number = random.Random(1), count(1)
    rows: list[dict[str, object]] = []
    done = 0
    for guest in range(guests):
        name, email = _name(dice), f"guest{guest}@example.com"
        phone = f"+4930{dice.randrange(10**6):06d}{guest % 10}"
        for visit in range(1 + (guest % 5 == 0) * dice.randrange(1, 4)):
            rows.append(_row(restaurant_id, next(number), Guest(name, email, phone), visit))
        if len(rows) >= _ROWS_AT_ONCE:
            done += _write(rows)
    return done + _write(rows)


def _name(dice: random.Random) -> str:
    first = dice.choice(_FIRST) if dice.random() < 0.4 else "".join(dice.sample(_PARTS, 2))
    last = dice.choice(_LAST) if dice.random() < 0.1 else "".join(dice.sample(_PARTS, 3))
    return f"{first.title()} {last.title()}"


def _row(restaurant_id: int, number: int, guest: Guest, visit: int) -> dict[str, object]:
    start = datetime(2026, 1, 1, 18, tzinfo=UTC) + timedelta(days=30 * visit + number % 28)
    reference = f"P{number:08d}"
    return {
        "reference": reference,
        "restaurant_id": restaurant_id,
        "book_id": 1,
        "status": "no_show" if number % 17 == 0 else "finished",
        "revision": 1,
        "guest_ahead": 0,
        "party_size": 2,
        "starts_at": start,
        "ends_at": start + timedelta(hours=2),
        "waitlist": False,
        "source": "online",
        "pacing_forced": False,
        "awaited": False,
        "guest_locale": "en",
        "guest_sealed": seal_guest(guest, reference=reference),
        "email_key": contact_key(guest.email),
        "phone_key": contact_key(guest.phone),
        "created_at": start - timedelta(days=3),
    }


def _write(rows: list[dict[str, object]]) -> int:
    written = len(rows)
    if rows:
        with engine().begin() as connection:
            connection.execute(insert(Reservation), rows)
    rows.clear()
    return written


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
