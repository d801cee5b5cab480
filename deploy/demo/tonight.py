"""The demo's evening at the host stand, played by the verbs of the API.

The restaurant is one where it is about eight in the evening now. Two parties came earlier and do
not leave: they are recorded with the times of then. All else is done now, through the API.
"""

import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from deploy.demo.host import Host, Party, clock_text, tables_text
from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.operations.stand.walk_ins import seat_walk_in
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec

_HOUR: Final = 20
#: so long ago the two parties came that do not leave; their turn is over
_EARLIER: Final = timedelta(hours=2, minutes=15)
_LEAVES: Final = frozenset({"confirmed", "waitlisted"})


def open_tonight(text: str) -> RestaurantSpec:
    """Load the restaurant of this file under a name and in a zone where it is evening now."""
    ahead = _HOUR - clock.now().astimezone(UTC).hour
    ahead -= 24 if ahead > 14 else 0
    slug = f"tonight-{secrets.token_hex(3)}"  # each evening has its own restaurant and tables
    text = text.replace('slug = "friday"', f'slug = "{slug}"')
    text = text.replace('name = "Osteria Venerdi"', 'name = "Osteria Stasera"')
    text = text.replace('zone = "Europe/Berlin"', f'zone = "Etc/GMT{-ahead:+d}"')
    text = text.replace("[policies]\n", "[policies]\ndoor_online = true\n", 1)
    file = read_restaurant(text)
    number = unit(lambda session: load_restaurant(session, file, now=clock.now()))
    with reading() as session:
        return restaurant_by_id(session, number)


def play_tonight(host: Host) -> None:
    """Play the evening; `host.refused` has what did not go as it should."""
    overstayers = [_earlier(host, label) for label in ("H1", "H2")]
    parties = _reservations(host)
    _late_ones(host, parties)
    _broken_table(host)
    _overstaying(host, overstayers)
    _tables(host, parties)
    _walk_ins(host)
    _door(host, overstayers[0])
    _close(host)


def _earlier(host: Host, label: str) -> int:
    """A party of two came in two hours ago and is still there; return its id."""
    table = next(each.id for each in host.restaurant.tables if each.label == label)
    return unit(lambda session: _came_in(session, host, table))


def _came_in(session: Session, host: Host, table_id: int) -> int:
    then = clock.now() - _EARLIER
    guest = GuestDetails(name="", email=None, phone=None)
    accepted, _warnings = seat_walk_in(
        session,
        restaurant_by_id(session, host.restaurant.id),
        request=TableRequest(party_size=2, starts_at=then, guest=guest),
        key=str(uuid.uuid4()),
        body=b"",
        now=then,
        actor=f"staff:{host.account_id}",
        table_ids=(table_id,),
        notify=False,
    )
    return accepted.reservation_id


def _reservations(host: Host) -> list[Party]:
    """Guests have booked for the last half hour and the next two hours."""
    quarter = int(clock.now().timestamp()) // 900
    made = []
    for number, name in enumerate(("Abel", "Brandt", "Costa", "Dubois", "Evans", "Ferri", "Haas")):
        start = datetime.fromtimestamp((quarter - 2 + number) * 900, UTC)
        guest = {"name": name, "email": f"{name.lower()}.tonight@example.com"}
        size = (2, 4, 2, 4, 3, 2, 5)[number]
        facts = {"party_size": size, "start": start.isoformat(), "guest": guest, "notify": False}
        party = host.here("/book/reservations", **facts)
        if party:
            made.append(party)
    host.say(
        f"{len(made)} parties have reserved, {sum(each['party_size'] for each in made)} guests"
    )
    return made


def _walk_ins(host: Host) -> None:
    """Parties walk in until no table is free."""
    seated = []
    for number in range(len(host.restaurant.tables)):
        size = (2, 3, 4, 2, 5)[number % 5]
        party = host.tries("/book/reservations", party_size=size, walk_in=True)
        seated += [party] if party else []
        if party and number < 2:
            host.say(f"{size} walk in and sit at {tables_text(party['tables'])}")
    short = sum("short_turn" in each["warnings"] for each in seated)
    host.say(f"{len(seated)} parties in all walk in, {short} of them until the next party comes")


def _late_ones(host: Host, parties: list[Party]) -> None:
    """One comes, one is partly here, one calls that it is late, one does not come at all."""
    first, second, third, fourth = parties[:4]
    host.verb("no-show", first)
    host.say(f"{_name(first)} did not come: a no-show, its table is free")
    some = host.verb("arrive", second, covers=2)
    host.say(f"{some['arrived_covers']} of {some['party_size']} of {_name(second)} are here")
    sits = host.verb("seat", host.verb("arrive", second))
    host.say(f"All of {_name(second)} are here and sit at {tables_text(sits['tables'])}")
    until = clock.now() + timedelta(minutes=25)
    late = host.verb("late", third, until=until.isoformat())
    if late.get("expected_at"):
        host.say(f"{_name(third)} is late, and comes by {clock_text(late['expected_at'])}")
    host.verb("arrive", fourth)
    host.verb("take-back", fourth, **{"from": "arrived"})
    host.say(f"{_name(fourth)} was marked as arrived by mistake, and that was undone")


def _broken_table(host: Host) -> None:
    """A leg breaks at the table of the party that comes last."""
    label = next(
        each["tables"][0] for each in reversed(host.book()) if each["status"] == "confirmed"
    )
    block = host.here("/blocks", tables=[label], reason="a broken leg", parties="move")
    host.say(f"A leg of table {label} breaks: nobody is given it until it is mended")
    for each in block.get("parties", ()):
        where = tables_text(each["moved_to"] or each["tables"])
        host.say(f"  the party of {each['party_size']} at {clock_text(each['start'])} gets {where}")
    if block:
        host.here(f"/blocks/{block['id']}/lift")
        host.say(f"Table {label} is mended")


def _overstaying(host: Host, ids: list[int]) -> None:
    for row in host.book():
        if int(row["id"]) in ids:
            table, minutes = tables_text(row["tables"]), row["overstays_minutes"]
            host.say(f"The party at {table} should have left {minutes} minutes ago, and stays")


def _tables(host: Host, parties: list[Party]) -> None:
    """Another table by hand, locked; and who would be in the way of a longer turn."""
    party = parties[5]
    given = host.verb("assign", party, tables=["H7"], lock=True)
    host.say(f"{_name(party)} gets its favourite table {tables_text(given['tables'])}, locked")
    sits = next(row for row in host.book() if row["status"] == "seated" and row["party_size"] == 4)
    longer = host.verb("extend", sits, open_end=True, preview=True)
    pushed = len(longer.get("affected", ())) + len(longer.get("in_the_way", ()))
    host.say(f"An open end at {tables_text(sits['tables'])} would push {pushed} parties: not done")


def _door(host: Host, overstayer: int) -> None:
    """Three parties queue: one is called and sits, one is passed over, one goes home."""
    for name, size in (("Ines", 2), ("Jun", 4), ("Kofi", 2)):
        guest = {"name": name, "email": f"{name.lower()}.tonight@example.com"}
        host.here("/door", party_size=size, guest=guest)
    line = host.read("/door")["entries"]
    for each in line:
        wait = each["quoted"] or {"low": "?", "high": "?"}
        host.say(f"{each['party_size']} join at the door, told {wait['low']} to {wait['high']} min")
    first, second, third = line[-3:]
    leaves = next(row for row in host.book() if int(row["id"]) == overstayer)
    host.verb("finish", leaves)
    table = tables_text(leaves["tables"])
    host.say(f"The party that overstayed at {table} leaves")
    host.verb("ready", first, tables=leaves["tables"])
    host.say(f"Table {table} is ready for the first: they are told, and have ten minutes")
    sits = host.verb("seat", first)
    host.say(f"They sit at {tables_text(sits.get('tables') or [])}")
    host.verb("pass-over", second, why="waits for a friend")
    host.verb("leave", third)
    host.say("The second waits for a friend and is passed over; the third goes home")


def _close(host: Host) -> None:
    """Water in the kitchen: close, tell those who are to come, and let the others finish."""
    body = {"date": host.today.isoformat(), "reason": "water in the kitchen"}
    hurt = host.here("/book/close", **body, parties="cancel", preview=True).get("parties", [])
    to_come = sum(each["is_cancelled"] for each in hurt)
    host.say(f"Water in the kitchen: to close now would cancel {to_come} parties, "
             f"and let {len(hurt) - to_come} finish")  # fmt: skip
    words = "We are very sorry: there is water in our kitchen."
    done = host.here("/book/close", **body, parties="cancel", message=words).get("parties", [])
    cancelled = [each for each in done if each["is_cancelled"]]
    told = sum(bool(each["notified_by"]) for each in cancelled)
    host.say(f"Closed: {len(cancelled)} cancelled, {told} told")
    gone = [host.verb("finish", row) for row in _still_here(host)]
    host.say(f"{len(gone)} parties finish and leave")


def _still_here(host: Host) -> Iterator[Party]:
    """Yield who sits. A party that runs late keeps its reservation when the restaurant closes."""
    for row in host.book():
        if row["status"] == "confirmed":
            host.verb("no-show", row)
            host.say(f"{_name(row)} was late, and does not come after all")
        if row["status"] == "arrived":
            host.verb("seat", row)
        if row["status"] in ("arrived", "seated"):
            yield row


def faults_of(book: list[Party]) -> list[str]:
    """Return what a book after the evening must not show: a party that still waits or sits."""
    return [
        f"{row['reference']} is still {row['status']}"
        for row in book
        if row["status"] in _LEAVES | {"arrived", "seated"}
    ]


def _name(party: Party) -> str:
    return str(party["guest"]["name"])
