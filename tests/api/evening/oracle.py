"""What the answers to the host said, compared with the book after every act.

It knows no table of the database: only the answers, and what follows from them.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from models.rules.reservations.lifecycle import DOOR, HOLDING, MOVES, PACED, Status
from tests.api.evening.blocks import Blocks
from tests.api.evening.line import Line
from tests.api.evening.spans import moment, span

#: A decision may end in these, whatever the last answer said.
_DECIDED: Final = MOVES[Status.REQUESTED] | {Status.REQUESTED}
_PROMOTED: Final = MOVES[Status.WAITLISTED] | {Status.WAITLISTED}
#: At the door only the host acts, until the clock ends the list.
_AT_DOOR: Final = {Status.WAITLISTED, Status.EXPIRED}
_FREE: Final = {Status.REQUESTED: _DECIDED, Status.WAITLISTED: _PROMOTED | _DECIDED}
#: A party is at its table or has a definite outcome: nobody but the host changes its tables.
_FIXED: Final = PACED - {Status.CONFIRMED}


@dataclass(slots=True)
class Heard:
    """The last that an answer said about one party."""

    size: int
    status: Status
    tables: frozenset[str]
    source: str
    start: str = ""
    #: so many are here already; None: all of them, or none
    here: int | None = None


@dataclass(slots=True)
class Oracle:
    """Expectations about every party, in the order of the acts."""

    parties: dict[str, Heard] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=Blocks)
    line: Line = field(default_factory=Line)
    #: parties that nobody moves but by an act on themselves
    locked: set[str] = field(default_factory=set)
    #: requests that hold their tables and wait for the host's approval
    asked: set[str] = field(default_factory=set)
    #: parties that the host put at tables for fewer
    squeezed: set[str] = field(default_factory=set)
    #: from this start on nobody is given a table; and who keeps one
    closed_from: datetime | None = None
    kept: set[str] = field(default_factory=set)
    reseated: int = 0
    #: parties that an act of the host on another party moved, or whose turn it cut
    made_way: int = 0
    #: parties whose table was not free, of which the host was warned before they came
    warned: set[str] = field(default_factory=set)

    def hear(self, said: dict[str, Any]) -> None:
        """Note a reservation as an answer shows it (a guest's answer names no tables)."""
        known = self.parties.get(said["id"])
        tables = said.get("tables")
        if tables is None:
            tables = known.tables if known else ()
        source = said.get("source", known.source if known else "")
        status = Status(said["status"])
        if status is not Status.REQUESTED:
            self.asked.discard(said["id"])
        self.parties[said["id"]] = Heard(
            said["party_size"],
            status,
            frozenset(tables),
            source,
            said.get("start", known.start if known else ""),
            said.get("arrived_covers"),
        )
        if said.get("tables_locked") is not None:
            (self.locked.add if said["tables_locked"] else self.locked.discard)(said["id"])

    def hear_affected(self, said: dict[str, Any]) -> None:
        """Note where an act on one party moved others. A locked party is never among them."""
        for each in said["affected"]:
            other = self.parties[each["id"]]
            assert other.tables == frozenset(each["from_tables"]), each
            assert each["cut"] or (other.status is Status.CONFIRMED), (other, each)
            assert each["id"] not in self.locked or each["cut"], each
            other.tables = frozenset(each["to_tables"])
            self.made_way += 1

    def hear_block(self, said: dict[str, Any]) -> None:
        """Note a block, and where it moved the parties that had its tables."""
        self.blocks.made(said)
        for each in said["parties"]:
            if each["moved_to"]:
                self.parties[each["reservation_id"]].tables = frozenset(each["moved_to"])

    def hear_hurt(self, said: dict[str, Any], *, closed_from: datetime | None = None) -> None:
        """Note whom a closing, or a cancellation of many, cancelled, moved to a start, or left."""
        self.closed_from = closed_from or self.closed_from
        for each in said["parties"]:
            party = self.parties[each["reservation_id"]]
            if each["is_cancelled"]:
                party.status = Status.CANCELLED
            elif each["moved_to"]:
                party.start, party.tables = each["moved_to"], frozenset()
            else:
                self.kept.add(each["reservation_id"])

    def waiting(self) -> set[str]:
        """Return the parties that wait at the door."""
        return {
            number
            for number, each in self.parties.items()
            if each.source == DOOR and each.status is Status.WAITLISTED
        }

    def compare(self, book: dict[str, Any], *, now: datetime) -> None:
        """Fail unless the book shows what was heard, and one party a table."""
        shown = {each["id"]: each for each in book["reservations"]}
        assert shown.keys() == self.parties.keys()
        held = {
            label
            for each in book["reservations"]
            if _overstays(each, now)
            for label in each["tables"]
        }
        for number, each in shown.items():
            self._follows(self.parties[number], each, held)
            self.hear(each)
        self._tables(book["reservations"], now=now)
        self._fit(book)
        self._covers(book)
        self.blocks.compare(book)

    def compare_line(self, shown: dict[str, Any], book: dict[str, Any], *, now: datetime) -> None:
        """Fail unless the list at the door is what follows from the answers."""
        self.line.compare(shown["entries"], self.waiting(), book["tables"], now=now)

    def _follows(self, heard: Heard, shown: dict[str, Any], held: set[str]) -> None:
        """Fail unless the party is what was heard of it; `held`: tables of those who overstay."""
        status = Status(shown["status"])
        assert shown["party_size"] == heard.size, shown
        may_be = _FREE.get(heard.status, {heard.status})
        if heard.source == DOOR and heard.status is Status.WAITLISTED:
            may_be = _AT_DOOR
        if shown["id"] in self.asked and heard.status is Status.REQUESTED:
            may_be = {Status.REQUESTED, Status.EXPIRED}
        assert status in may_be, (heard, shown)
        self._is_as_told(heard, shown, status)
        if frozenset(shown["tables"]) != heard.tables and heard.status is status:
            # a party that is here is moved only when another does not leave its table
            waits_for_another = status is Status.ARRIVED and not heard.tables.isdisjoint(held)
            assert status not in _FIXED or waits_for_another, (heard, shown)
            assert shown["id"] not in self.locked, (heard, shown)
            self.reseated += status in (Status.CONFIRMED, Status.ARRIVED)

    def _is_as_told(self, heard: Heard, shown: dict[str, Any], status: Status) -> None:
        """Its start, who of it is here, and whether it waits for approval."""
        if heard.source != DOOR and heard.start:
            assert moment(shown["start"]) == moment(heard.start), (heard, shown)
        if status is heard.status:
            assert shown.get("arrived_covers") == heard.here, (heard, shown)
        if shown.get("approve_by"):
            assert status is Status.REQUESTED, shown
            self.asked.add(shown["id"])
        else:
            assert shown["id"] not in self.asked or status is not Status.REQUESTED, shown
        if self.closed_from and status is Status.CONFIRMED and shown["id"] not in self.kept:
            assert moment(shown["start"]) < self.closed_from, shown

    def _fit(self, book: dict[str, Any]) -> None:
        """Nobody has tables for fewer, unless the host squeezed them in."""
        most = {each["label"]: each["max_party"] for each in book["tables"]}
        for row in book["reservations"]:
            if _holds(row) and row["id"] not in self.squeezed:
                assert row["party_size"] <= sum(most[each] for each in row["tables"]), row

    def _tables(self, rows: list[dict[str, Any]], *, now: datetime) -> None:
        """One party sits at a table; parties to come follow one another; the host is warned."""
        at_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if _holds(row):
                assert row["tables"], row
                for label in row["tables"]:
                    at_table[label].append(row)
            assert ("overstays" in row["warnings"]) == _overstays(row, now), row
            if "table_occupied" in row["warnings"]:
                self.warned.add(row["id"])
        for label, parties in at_table.items():
            seated = [each["reference"] for each in parties if each["status"] == Status.SEATED]
            assert len(seated) <= 1, (label, seated)
            parties.sort(key=span)
            for one, other in pairwise(parties):
                if _overstays(one, now):
                    _is_warned(other, now)
                else:
                    assert span(one)[1] <= span(other)[0], (label, one, other)

    def _covers(self, book: dict[str, Any]) -> None:
        wanted: dict[str, int] = defaultdict(int)
        for row in book["reservations"]:
            if row["status"] in PACED or _holds(row):
                wanted[row["shift"]] += row["party_size"]
        assert {each["key"]: each["covers"] for each in book["shifts"]} == {
            each["key"]: wanted[each["key"]] for each in book["shifts"]
        }


def _holds(row: dict[str, Any]) -> bool:
    """Whether the party has its tables; a request does while it waits for approval."""
    return row["status"] in HOLDING or bool(row.get("approve_by"))


def _overstays(row: dict[str, Any], now: datetime) -> bool:
    return row["status"] == Status.SEATED and moment(row["end"]) <= now


def _is_warned(row: dict[str, Any], now: datetime) -> None:
    """Check that the host is warned of a party whose table is not free."""
    start, ends = moment(row["start"]), moment(row["end"])
    if row["status"] != Status.SEATED and start - timedelta(minutes=15) <= now < ends:
        assert "table_occupied" in row["warnings"], row
