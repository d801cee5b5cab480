"""The book of a day as the stand shows it: one line for each party, in sections, and the covers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from models.queries.book.shapes import BookReservation, BookView
from models.queries.guest_book.parties import KnownGuest
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.reservations.verbs import Verb, refusal
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import Wording, local
from web.pages.stand.page import words_of

#: Until this hour the stand shows the evening that began the day before.
DAY_BEGINS: Final = timedelta(hours=5)
#: The next natural step of a party.
NEXT_STEP: Final = {
    Status.CONFIRMED: Verb.ARRIVE,
    Status.ARRIVED: Verb.SEAT,
    Status.SEATED: Verb.FINISH,
    Status.WAITLISTED: Verb.CONFIRM,
    Status.FINISHED: Verb.TAKE_BACK,
    Status.NO_SHOW: Verb.TAKE_BACK,
}
GONE: Final = frozenset({Status.FINISHED, Status.NO_SHOW, Status.CANCELLED})
#: the states that each section of the list shows, in the order of the page
SECTIONS: Final = {
    "here": frozenset({Status.ARRIVED}),
    "coming": frozenset({Status.CONFIRMED, Status.REQUESTED}),
    "seated": frozenset({Status.SEATED}),
    "waitlist": frozenset({Status.WAITLISTED}),
    "gone": GONE,
}
_SECTION_OF: Final = {status: key for key, held in SECTIONS.items() for status in held}
#: a party at its table is "nearly over" for this long before the end of its turn
_NEARLY: Final = 15
#: a note on a line is cut after so many characters; the panel shows it whole
_NOTE: Final = 40
_NOBODY: Final = KnownGuest(is_vip=False)
_Clock = Callable[[datetime], str]
_Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BookLine:
    """One party as the list shows it."""

    row: BookReservation
    time: str
    ends: str
    area: str
    step: str | None
    #: minutes since it was due, arrived or should have left; negative: until then
    minutes: int
    #: `late`, `over`, `soon` or empty: how urgent those minutes are
    urgency: str
    #: what the search looks through: name, digits, reference, tables
    search: str
    #: what is said about its state, and how it is coloured
    chip: str
    chip_kind: str
    #: what is known of it: (kind, text)
    flags: tuple[tuple[str, str], ...]
    #: allergies that the guest's record names and the reservation does not
    known_allergies: str
    is_vip: bool

    @property
    def section(self) -> str:
        """The key of its section; empty if the list does not show it."""
        return _SECTION_OF.get(self.row.status, "")


def service_date(restaurant: RestaurantSpec, now: datetime) -> date:
    """Return the date whose book the stand shows now."""
    return (local(now, zone=restaurant.zone) - DAY_BEGINS).date()


def lines_of(
    restaurant: RestaurantSpec,
    view: BookView,
    said: Wording,
    *,
    now: datetime,
    known: Mapping[int, KnownGuest] = MappingProxyType({}),
) -> list[BookLine]:
    """Return a line for each reservation that the list shows, in the order of their starts.

    `known`: what the guest book says of their guests, where that is shown.
    """
    clock, texts = times_of(restaurant, said), words_of(said.language)
    shown = [row for row in view.reservations if row.status in _SECTION_OF]
    return [
        _line(restaurant, row, known.get(row.id, _NOBODY), clock, texts, now=now) for row in shown
    ]


def times_of(restaurant: RestaurantSpec, said: Wording) -> _Clock:
    """Return what writes a moment as the clock of the restaurant shows it.

    It remembers what it wrote: the parties of a day share some dozens of times, and writing one in
    a language is slow.
    """
    known: dict[datetime, str] = {}

    def write(moment: datetime) -> str:
        text = known.get(moment)
        if text is None:
            text = known[moment] = said.time(local(moment, zone=restaurant.zone))
        return text

    return write


def sections_of(lines: Iterable[BookLine]) -> dict[str, list[BookLine]]:
    """Return the lines of each section, the most urgent first."""
    found: dict[str, list[BookLine]] = {key: [] for key in SECTIONS}
    for line in lines:
        found[line.section].append(line)
    for key, order in _ORDER.items():
        found[key].sort(key=order)
    return found


def _by_arrival(line: BookLine) -> tuple[Any, ...]:
    return (line.row.arrived_at or line.row.starts_at, line.row.id)


def _by_end(line: BookLine) -> tuple[Any, ...]:
    return (line.row.ends_at, line.row.id)


def _last_first(line: BookLine) -> tuple[Any, ...]:
    return (-line.row.starts_at.timestamp(), line.row.id)


_ORDER: Final[dict[str, Callable[[BookLine], Any]]] = {
    "here": _by_arrival,
    "seated": _by_end,
    "gone": _last_first,
}


def _line(
    restaurant: RestaurantSpec,
    row: BookReservation,
    known: KnownGuest,
    clock: _Clock,
    texts: _Texts,
    *,
    now: datetime,
) -> BookLine:
    area = restaurant.area_by_key.get(row.area_key or "")
    minutes, urgency = _minutes(row, now)
    chip, kind = _chip(row, minutes, urgency, clock, texts)
    return BookLine(
        row,
        clock(row.starts_at),
        clock(row.ends_at),
        area.name if area else "",
        _step(row, now),
        minutes,
        urgency,
        _search(row),
        chip,
        kind,
        tuple(_flags(row, known, texts)),
        _unsaid(row, known),
        row.details.vip or known.is_vip,
    )


def _step(row: BookReservation, now: datetime) -> str | None:
    """Return the next natural step of the party, if the rules allow it now."""
    step = Verb.APPROVE if row.approve_by is not None else NEXT_STEP.get(row.status)
    step = Verb.SEAT if waits_at_door(row) else step
    return None if step is None or refusal(step, row, now=now) else step.value


def waits_at_door(row: BookReservation) -> bool:
    """Whether the party waits on the list at the door."""
    return row.source == DOOR and row.status is Status.WAITLISTED


def _search(row: BookReservation) -> str:
    digits = "".join(filter(str.isdigit, row.guest_phone)) if row.guest_phone else ""
    words = (row.guest_name, digits, row.reference, *row.tables, *row.details.tags)
    return " ".join(filter(None, words)).casefold()


def _minutes(row: BookReservation, now: datetime) -> tuple[int, str]:
    """Return the minutes that matter in this state, and how urgent they are."""
    if row.status is Status.CONFIRMED:
        late = _since(max(row.starts_at, row.expected_at or row.starts_at), now)
        return late, "late" if late > 0 else ""
    if row.status is Status.ARRIVED:
        return _since(row.arrived_at or row.starts_at, now), ""
    if row.status is Status.SEATED:
        over = _since(row.ends_at, now)
        return over, "over" if over > 0 else "soon" if over > -_NEARLY else ""
    return (_since(row.created_at, now), "") if waits_at_door(row) else (0, "")


def _chip(
    row: BookReservation, minutes: int, urgency: str, clock: _Clock, texts: _Texts
) -> tuple[str, str]:
    """Return what is said about the state, and its kind; empty: nothing."""
    if row.approve_by is not None:
        return texts["state_to_approve"], "waits"
    if row.status is Status.CONFIRMED:
        if urgency:
            return texts["late_by"].format(n=minutes), "late"
        return (
            texts["comes_at"].format(time=clock(row.expected_at)) if row.expected_at else "",
            "",
        )
    if row.status is Status.ARRIVED or waits_at_door(row):
        return texts["waits_for"].format(n=minutes), "waits"
    if row.status is Status.SEATED:
        word = "over_by" if urgency == "over" else "left_for"
        return texts[word].format(n=abs(minutes)), urgency
    return ("" if row.status is Status.WAITLISTED else texts[f"state_{row.status}"]), ""


def _unsaid(row: BookReservation, known: KnownGuest) -> str:
    """Return the allergies of the guest's record, unless the reservation names them, too."""
    is_said = known.allergies.casefold() in row.details.allergies.casefold()
    return "" if is_said else known.allergies


def _flags(row: BookReservation, guest: KnownGuest, texts: _Texts) -> Iterator[tuple[str, str]]:
    """Yield what a host should know before it walks a party to its table, the gravest first."""
    known = row.details
    if row.arrived_covers is not None and row.arrived_covers < row.party_size:
        yield "partly", texts["partly_here"].format(n=row.arrived_covers, of=row.party_size)
    if known.vip or guest.is_vip:
        yield "vip", texts["vip"]
    for allergies in filter(None, (known.allergies, _unsaid(row, guest))):
        yield "allergy", _cut(allergies)
    if known.occasion:
        yield "occasion", _cut(known.occasion)
    for need in row.wants.needs:
        yield "note", need
    for tag in known.tags:
        yield "tag", tag
    if row.source in ("walk_in", DOOR):
        yield "", texts[f"source_{row.source}"]
    if row.note:
        yield "note", _cut(row.note)
    if row.staff_note:
        yield "staff", _cut(row.staff_note)
    if row.change:
        yield "wish", texts["wants_change"]


def _cut(text: str) -> str:
    return text if len(text) <= _NOTE else text[: _NOTE - 1] + "…"


def _since(moment: datetime, now: datetime) -> int:
    return int((now - moment).total_seconds() // 60)
