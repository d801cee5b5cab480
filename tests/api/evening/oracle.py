"""What the answers to the host said, compared with the book after every act.

It knows no table of the database: only the answers, and what follows from them.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from models.rules.reservations.lifecycle import HOLDING, MOVES, PACED, Status

#: A decision may end in these, whatever the last answer said.
_DECIDED: Final = MOVES[Status.REQUESTED] | {Status.REQUESTED}
_PROMOTED: Final = MOVES[Status.WAITLISTED] | {Status.WAITLISTED}
_FREE: Final = {Status.REQUESTED: _DECIDED, Status.WAITLISTED: _PROMOTED | _DECIDED}
#: A party is at its table or has a definite outcome: nobody but the host changes its tables.
_FIXED: Final = PACED - {Status.CONFIRMED}
_QUARTER: Final = 900


@dataclass(slots=True)
class Heard:
    """The last that an answer said about one party."""

    size: int
    status: Status
    tables: frozenset[str]


@dataclass(slots=True)
class Oracle:
    """Expectations about every party, in the order of the acts."""

    parties: dict[str, Heard] = field(default_factory=dict)
    reseated: int = 0

    def hear(self, said: dict[str, Any]) -> None:
        """Note a reservation as an answer shows it (a guest's answer names no tables)."""
        known = self.parties.get(said["id"])
        tables = said.get("tables")
        if tables is None:
            tables = known.tables if known else ()
        self.parties[said["id"]] = Heard(
            said["party_size"], Status(said["status"]), frozenset(tables)
        )

    def compare(self, book: dict[str, Any], *, now: datetime) -> None:
        """Fail unless the book shows what was heard, and one party a table."""
        shown = {each["id"]: each for each in book["reservations"]}
        assert shown.keys() == self.parties.keys()
        for number, each in shown.items():
            self._follows(self.parties[number], each)
            self.hear(each)
        self._tables(book["reservations"], now=now)
        self._covers(book)

    def _follows(self, heard: Heard, shown: dict[str, Any]) -> None:
        status = Status(shown["status"])
        assert shown["party_size"] == heard.size, shown
        assert status in _FREE.get(heard.status, {heard.status}), (heard, shown)
        if heard.status in _FIXED:
            assert frozenset(shown["tables"]) == heard.tables, (heard, shown)
        elif heard.status is status is Status.CONFIRMED:
            self.reseated += frozenset(shown["tables"]) != heard.tables

    def _tables(self, rows: list[dict[str, Any]], *, now: datetime) -> None:
        """One party sits at a table; parties to come follow one another; the host is warned."""
        at_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            if row["status"] in HOLDING:
                assert row["tables"], row
                for label in row["tables"]:
                    at_table[label].append(row)
            assert ("overstays" in row["warnings"]) == _overstays(row, now), row
        for label, parties in at_table.items():
            seated = [each["reference"] for each in parties if each["status"] == Status.SEATED]
            assert len(seated) <= 1, (label, seated)
            parties.sort(key=_span)
            for one, other in pairwise(parties):
                if _overstays(one, now):
                    _is_warned(other, now)
                else:
                    assert _span(one)[1] <= _span(other)[0], (label, one, other)

    def _covers(self, book: dict[str, Any]) -> None:
        wanted: dict[str, int] = defaultdict(int)
        for row in book["reservations"]:
            if row["status"] in PACED:
                wanted[row["shift"]] += row["party_size"]
        assert {each["key"]: each["covers"] for each in book["shifts"]} == {
            each["key"]: wanted[each["key"]] for each in book["shifts"]
        }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _overstays(row: dict[str, Any], now: datetime) -> bool:
    return row["status"] == Status.SEATED and moment(row["end"]) <= now


def _is_warned(row: dict[str, Any], now: datetime) -> None:
    """Check that the host is warned of a party whose table is not free."""
    begins, ends = moment(row["start"]), moment(row["end"])
    if row["status"] != Status.SEATED and begins - timedelta(minutes=15) <= now < ends:
        assert "table_occupied" in row["warnings"], row


def _span(row: dict[str, Any]) -> tuple[int, int]:
    """Return the quarters that a party holds: from its start, or from when it sat down."""
    begins = moment(row["seated_at"] or row["start"]).timestamp() // _QUARTER
    return int(begins), int(-(-moment(row["end"]).timestamp() // _QUARTER))
