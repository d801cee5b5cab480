"""Data that only a replaced primary has, listed for the staff who must restore it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.database.servers import split_url
from models.core.database.transactions import reading
from models.core.errors import MaitredError
from models.core.settings import settings
from models.entities import Reservation, Restaurant
from models.rules.gtids import Missing, lacking
from models.rules.reservations.lifecycle import HOLDING, OPEN
from tasks.failover.after import database_of
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import Overview
from tasks.failover.written import Change, changes

RESERVATIONS: Final = "reservations"
_AT_ONCE: Final = 500
#: Statuses in which a guest expects a table or an answer.
_STANDS: Final = OPEN | HOLDING
_NOTHING_MORE: Final = "nothing: it has ended"
_PART: Final = "part of the reservations above"
_STAFF: Final = "done by staff: do it again"
_LOAD: Final = "load the restaurant's file again"
_FORGET: Final = "maitred guest replay ERASURES.jsonl"
_NOTHING: Final = "nothing: the new primary has its own"
_FILED: Final = "nothing: the clock files the guests of all reservations again"
_SENT: Final = "nothing: sent messages cannot be undone; pending ones go with its reservation"
#: Table -> what to do about its lost rows. The reservations are listed one by one instead.
ADVICE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "assignments",
            "table_occupancy",
            "seated_tables",
            "reservation_changes",
            "reservation_moves",
            "consents",
            "door_entries",
            "idempotency_keys",
            "party_details",
        ),
        _PART,
    ),
    "messages": _SENT,
    **dict.fromkeys(("guest_books", "guests", "guest_contacts", "guest_names"), _FILED),
    "erasures": _FORGET,
    **dict.fromkeys(
        (
            "accounts",
            "memberships",
            "recovery_codes",
            "second_factors",
            "closures",
            "shift_days",
            "blocks",
            "blocked_tables",
            "block_kept",
            "book_limits",
            "section_tables",
            "evening_acts",
            "guest_notes",
            "guest_events",
            "flag_switches",
            "flag_changes",
        ),
        _STAFF,
    ),
    **dict.fromkeys(
        (
            "restaurants",
            "areas",
            "dining_tables",
            "combinations",
            "combination_tables",
            "shifts",
            "files",
            "file_versions",
        ),
        _LOAD,
    ),
    **dict.fromkeys(
        (
            "alembic_version",
            "audit_entries",
            "channel_states",
            "health_changes",
            "job_runs",
            "leases",
            "processes",
            "promotions",
            "sign_ins",
        ),
        _NOTHING,
    ),
}


@dataclass(frozen=True, slots=True)
class LostReservation:
    """A reservation whose state only the old server has. `there`: its status on the new primary.

    `there` is None where it does not exist. `what`: new, changed or gone. `start` is local time.
    """

    what: str
    reference: str
    restaurant: str
    start: str
    party_size: int
    status: str
    guest: str = field(repr=False)
    there: str | None

    @property
    def advice(self) -> str:
        """The advice on what to do about it."""
        if self.what == "gone":
            return "see the log of that time"
        if self.there is None:
            return "enter it again, notify the guest" if self.status in _STANDS else _NOTHING_MORE
        if self.there == self.status:
            return "compare start, party size and note"
        return f"it is {self.there} on the primary: do it again"


@dataclass(frozen=True, slots=True)
class Lost:
    """The lost transactions, their reservations, and row counts by table and kind of change."""

    transactions: tuple[Missing, ...]
    reservations: tuple[LostReservation, ...]
    others: Mapping[tuple[str, str], int]


def compare(overview: Overview, name: str) -> Lost:
    """Return what the server `name` has and the primary never had. Raises FailoverRefused."""
    primary, old = overview.primary, overview.named(name)
    if primary is None or primary.facts is None:
        raise FailoverRefused("no server takes writes: run maitred failover promote first")
    if old is primary:
        raise FailoverRefused(f"{name} is the primary: name another server")
    if old.facts is None:
        raise FailoverRefused(f"{name} does not answer ({old.reach}): start it")
    since = primary.facts.replicated
    missing = lacking(old.facts.state, by=primary.facts.state, replicated=since)
    ours = split_url(settings().database_url)[0].database
    found: list[Change] = []
    if missing:
        first = old.server.log_files()[0]
        written = changes(old.server.url, missing, since=since, first_file=first)
        found = [change for change in written if change.database == ours]
    with database_of(old.name) as here, database_of(primary.name) as there:
        return Lost(missing, _reservations(found, here, there), _others(found))


def _others(found: list[Change]) -> Mapping[tuple[str, str], int]:
    """Count the rows by table and kind of change, each row once per kind."""
    rows = {(one.table, one.what, one.key) for one in found if one.table != RESERVATIONS}
    return Counter((table, what) for table, what, _key in rows)


def _reservations(found: list[Change], here: Engine, there: Engine) -> tuple[LostReservation, ...]:
    kinds: dict[int, str] = {}
    for change in found:
        # "new" stays when "changed" follows; "gone" replaces both
        if change.table == RESERVATIONS and (change.what == "gone" or int(change.key) not in kinds):
            kinds[int(change.key)] = change.what
    with reading(here) as session:
        restaurants = {one.id: one for one in session.scalars(select(Restaurant))}
        lost = {
            row.id: _describe(kinds[row.id], row, restaurants[row.restaurant_id])
            for row in _by(session, Reservation.id, list(kinds))
        }
    with reading(there) as session:
        references = [one.reference for one in lost.values()]
        known = {
            row.reference: row.status for row in _by(session, Reservation.reference, references)
        }
    return tuple(
        replace(lost[number], there=known.get(lost[number].reference))
        if number in lost
        else LostReservation("gone", f"number {number}", "", "", 0, "", "", None)
        for number in sorted(kinds)
    )


def _by(
    session: Session, column: InstrumentedAttribute[Any], values: list[Any]
) -> Iterator[Reservation]:
    for start in range(0, len(values), _AT_ONCE):
        part = values[start : start + _AT_ONCE]
        yield from session.scalars(select(Reservation).where(column.in_(part)))


def _describe(what: str, row: Reservation, restaurant: Restaurant) -> LostReservation:
    local = row.starts_at.astimezone(ZoneInfo(restaurant.zone))
    return LostReservation(
        what,
        row.reference,
        restaurant.slug,
        f"{local:%Y-%m-%d %H:%M}",
        row.party_size,
        row.status,
        _guest(row),
        there=None,
    )


def _guest(row: Reservation) -> str:
    try:
        guest = row.guest
    except MaitredError:
        return "(its key is missing)"
    return ", ".join(filter(None, (guest.name, guest.email, guest.phone)))
