"""The control of the scripted Friday: its oracle notices what must not be."""

from datetime import timedelta
from typing import Any

import pytest

from models.rules.reservations.lifecycle import DOOR
from tests.api.evening.acts import compare_sections
from tests.api.evening.night import at
from tests.api.evening.oracle import Oracle


def party(number: str, **more: Any) -> dict[str, Any]:
    """A line of the book: a party of two that sits at table 1 from seven on."""
    start = at(19)
    return {
        "id": number,
        "reference": number,
        "status": "seated",
        "party_size": 2,
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=90)).isoformat(),
        "seated_at": start.isoformat(),
        "tables": ["1"],
        "warnings": [],
        "shift": "dinner",
        "source": "online",
    } | more


def book(*rows: dict[str, Any]) -> dict[str, Any]:
    covers = sum(row["party_size"] for row in rows if row["status"] != "waitlisted")
    tables: list[dict[str, Any]] = [
        {"label": label, "min_party": 1, "max_party": 2, "blocks": []} for label in ("1", "2")
    ]
    shifts = [{"key": "dinner", "covers": covers}]
    return {"reservations": list(rows), "tables": tables, "shifts": shifts}


def heard(*rows: dict[str, Any]) -> Oracle:
    oracle = Oracle()
    for row in rows:
        oracle.hear(row)
    return oracle


LATER = {"status": "confirmed", "seated_at": None, "start": at(20, 30).isoformat(),
         "end": at(22).isoformat()}  # fmt: skip
#: a request that holds its table until the staff answer
ASKED = LATER | {"status": "requested", "approve_by": at(20).isoformat()}
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another table than was said": ({}, {"tables": ["2"]}),
    "another size than was said": ({}, {"party_size": 3}),
    "a status that nobody gave it": ({}, {"status": "finished"}),
    "a warning without a reason": ({}, {"warnings": ["overstays"]}),
    "another start than was said": (LATER, LATER | {"start": at(20, 45).isoformat()}),
    "fewer who are here than was said": (
        LATER | {"status": "arrived", "arrived_covers": 2},
        LATER | {"status": "arrived", "arrived_covers": 1},
    ),
    "a request that nobody approved": (ASKED, LATER | {"approve_by": None}),
    "a request that nobody declined": (ASKED, LATER | {"status": "declined"}),
    "a request that waits for nobody": (ASKED, ASKED | {"approve_by": None}),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_oracle_notices(what: str) -> None:
    said, shown = WRONG[what]
    oracle = heard(party("1", **said))
    oracle.compare(book(party("1", **said)), now=at(19, 30))
    with pytest.raises(AssertionError):
        oracle.compare(book(party("1", **shown)), now=at(19, 30))


def test_the_oracle_notices_a_table_with_two_parties() -> None:
    rows = party("1"), party("2")
    with pytest.raises(AssertionError):
        heard(*rows).compare(book(*rows), now=at(19, 30))


def test_the_oracle_notices_a_party_that_is_moved_while_it_waits() -> None:
    waits = {"status": "arrived", "seated_at": None, "start": at(20, 30).isoformat(),
             "end": at(22).isoformat()}  # fmt: skip
    moved = party("2", **waits, tables=["2"])
    with pytest.raises(AssertionError):
        heard(party("2", **waits)).compare(book(moved), now=at(20, 35))
    stays = party("1", warnings=["overstays"])
    heard(stays, party("2", **waits)).compare(book(stays, moved), now=at(20, 35))
    oracle = heard(stays, party("2", **waits, tables_locked=True))
    with pytest.raises(AssertionError):
        oracle.compare(book(stays, moved), now=at(20, 35))


def test_the_oracle_notices_a_host_who_is_not_warned() -> None:
    rows = party("1", warnings=["overstays"]), party("2", **LATER)
    with pytest.raises(AssertionError):
        heard(*rows).compare(book(*rows), now=at(20, 35))
    warned = party("1", warnings=["overstays"]), party("2", **LATER, warnings=["table_occupied"])
    heard(*warned).compare(book(*warned), now=at(20, 35))


def test_the_oracle_notices_a_party_at_a_blocked_table() -> None:
    oracle = heard(party("1"))
    said = {"id": "7", "tables": ["1"], "start": at(19).isoformat(), "end": at(23).isoformat()}
    shown = book(party("1"))
    shown["tables"][0]["blocks"] = [{"block_id": "7", "start": said["start"], "end": said["end"]}]
    with pytest.raises(AssertionError):
        oracle.compare(shown, now=at(19, 30))  # nobody made this block
    oracle.hear_block(said | {"parties": [{"reservation_id": "1", "moved_to": []}]})
    oracle.compare(shown, now=at(19, 30))  # it keeps its table
    oracle.blocks.known["7"].kept.clear()
    with pytest.raises(AssertionError):
        oracle.compare(shown, now=at(19, 30))


def test_the_oracle_notices_a_list_in_another_order() -> None:
    rows = [
        party(number, status="waitlisted", source=DOOR, tables=[], seated_at=None)
        for number in ("1", "2", "3")
    ]
    oracle, shown = heard(*rows), [entry(row["id"]) for row in rows]
    for row in rows:
        oracle.line.joined(row)
    oracle.compare_line({"entries": shown}, book(*rows), now=at(19, 30))
    oracle.line.passed_over("1", oracle.waiting())
    with pytest.raises(AssertionError):
        oracle.compare_line({"entries": shown}, book(*rows), now=at(19, 30))
    passed = [shown[1], shown[0], shown[2]]
    oracle.compare_line({"entries": passed}, book(*rows), now=at(19, 30))
    passed[0] |= {"missed_at": at(19, 20).isoformat()}
    with pytest.raises(AssertionError):  # it was never called
        oracle.compare_line({"entries": [*passed[1:], passed[0]]}, book(*rows), now=at(19, 30))


def entry(number: str) -> dict[str, Any]:
    return {
        "id": number, "joined_at": at(19).isoformat(), "waited_minutes": 30,
        "quoted": {"low": 20, "high": 40}, "is_quote_exceeded": False, "ready_at": None,
        "ready_until": None, "tables": [], "missed_at": None,
    }  # fmt: skip


HURT = {"reservation_id": "1", "is_cancelled": False, "moved_to": None}


def test_the_oracle_notices_a_party_too_large_for_its_table() -> None:
    row = party("1", party_size=3)
    with pytest.raises(AssertionError):
        heard(row).compare(book(row), now=at(19, 30))
    oracle = heard(row)
    oracle.squeezed.add("1")
    oracle.compare(book(row), now=at(19, 30))


def test_the_oracle_notices_who_was_cancelled_and_is_still_there() -> None:
    row = party("1", **LATER)
    oracle = heard(row)
    oracle.hear_hurt({"parties": [HURT | {"is_cancelled": True}]})
    with pytest.raises(AssertionError):
        oracle.compare(book(row), now=at(19, 30))
    gone = book(row | {"status": "cancelled", "tables": []})
    gone["shifts"][0]["covers"] = 0
    oracle.compare(gone, now=at(19, 30))


def test_the_oracle_notices_who_was_moved_and_is_not() -> None:
    row, moved = party("1", **LATER), LATER | {"start": at(19, 45).isoformat()}
    oracle = heard(row)
    oracle.hear_hurt({"parties": [HURT | {"moved_to": at(19, 45).isoformat()}]})
    with pytest.raises(AssertionError):
        oracle.compare(book(row), now=at(19, 30))
    oracle.compare(book(party("1", **moved)), now=at(19, 30))


def test_the_oracle_notices_a_party_in_a_closed_book() -> None:
    row = party("1", **LATER)
    oracle = heard(row)
    oracle.hear_hurt({"parties": []}, closed_from=at(20))
    with pytest.raises(AssertionError):
        oracle.compare(book(row), now=at(19, 30))
    oracle.hear_hurt({"parties": [HURT]}, closed_from=at(20))
    oracle.compare(book(row), now=at(19, 30))


def test_the_oracle_notices_sections_that_are_not_those_of_the_book() -> None:
    ana = {"server": "Ana", "tables": ["1"], "covers_seated": 2, "covers_to_come": 0}
    ben = {"server": "Ben", "tables": ["2"], "covers_seated": 0, "covers_to_come": 2}
    shown = book(party("1"), party("2", **LATER, tables=["2"]))
    right = {"shift": "dinner", "sections": [ana, ben]}
    compare_sections(right, shown)
    for wrong in (
        ben | {"covers_to_come": 0},
        ben | {"covers_seated": 2},
        ben | {"tables": []},
        ben | {"tables": ["1", "2"]},
    ):
        with pytest.raises(AssertionError):
            compare_sections(right | {"sections": [ana, wrong]}, shown)


def test_the_oracle_notices_a_quote_that_changed() -> None:
    row = party("1", status="waitlisted", source=DOOR, tables=[], seated_at=None)
    oracle = heard(row)
    oracle.line.joined(row)
    oracle.compare_line({"entries": [entry("1")]}, book(row), now=at(19, 30))
    for wrong in ({"quoted": {"low": 25, "high": 40}}, {"is_quote_exceeded": True}):
        with pytest.raises(AssertionError):
            oracle.compare_line({"entries": [entry("1") | wrong]}, book(row), now=at(19, 30))
