"""The host's acts on the evening: sections, squeezes, many cancellations, a closing."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.rules.reservations.lifecycle import Status
from tests.api.evening.night import FRIDAY
from tests.api.evening.script import Script
from tests.api.evening.spans import moment

_SERVERS = ("Ana", "Ben", "Cleo")


@dataclass(slots=True)
class EveningActs:
    """Plays them, each seen first in its preview where it has one."""

    script: Script

    def plan(self) -> None:
        """Sections before the dinner; in the evening the others."""
        at = self.script.night.at
        self.script.plan(at(16, 50), self._divide)
        for minutes in range(0, 240, 25):
            self.script.plan(at(17, 33 + minutes), self._sections_are_right)
        self.script.plan(at(17, 25), self._squeeze)
        self.script.plan(at(18, 26), self._seat_over)
        self.script.plan(at(18, 56), self._seat_over)
        self.script.plan(at(19, 31), self._cancel_many)
        self.script.plan(at(20, 2), self._close)

    # --- sections

    def _divide(self) -> None:
        self.script.night.divide([{"server": each} for each in _SERVERS])
        self._sections_are_right()

    def _sections_are_right(self) -> None:
        """Every table has one server, and the covers are those of the book."""
        day = FRIDAY.date().isoformat()
        here = f"/restaurants/{self.script.night.restaurant.slug}/book/sections"
        shown = self.script.night.read(f"{here}?date={day}&shift=dinner")
        compare_sections(shown, self.script.night.book_of_the_day())

    # --- parties

    def _rows(self, *statuses: Status) -> list[dict[str, Any]]:
        rows = self.script.night.book_of_the_day()["reservations"]
        return [row for row in rows if row["status"] in statuses and row["shift"] == "dinner"]

    def _to_come(self, minutes: int) -> list[dict[str, Any]]:
        """Return the parties that are to come in so many minutes or later, the last first."""
        soon = self.script.night.now + timedelta(minutes=minutes)
        rows = [row for row in self._rows(Status.CONFIRMED) if moment(row["start"]) >= soon]
        return sorted(rows, key=lambda each: (str(each["start"]), str(each["id"])), reverse=True)

    def _squeeze(self) -> None:
        """Three at a table for two: refused to the host, done by the manager with a reason."""
        night = self.script.night
        for row in self._to_come(60):
            if row["party_size"] != 3:
                continue
            path = f"/api/v1/reservations/{row['id']}/assign"
            for table in self._small_tables(row):
                body: dict[str, Any] = {"tables": [table]}
                refused = night.send("squeeze", path, body)
                assert refused.status_code == 409, refused.text
                self.script.check()
                body |= {"squeeze": True, "reason": "a child on the lap"}
                answer = night.send("squeeze", path, body, **night.as_manager)
                if answer.status_code == 200:
                    self.script.oracle.squeezed.add(row["id"])
                    self.script.hear(answer)
                    self.script.oracle.hear_affected(answer.json)
                    return

    def _small_tables(self, row: dict[str, Any]) -> list[str]:
        tables = self.script.night.book_of_the_day()["tables"]
        return [each["label"] for each in tables if each["max_party"] == 2 and not each["blocks"]]

    def _seat_over(self) -> None:
        """A party that is here gets the table of one that has not come: that one makes way."""
        now = self.script.night.now
        until = now + timedelta(minutes=75)
        sits = {label for row in self._rows(Status.SEATED) for label in row["tables"]}
        meant = [row for row in self._rows(Status.CONFIRMED) if now < moment(row["start"]) < until]
        for here in self._rows(Status.ARRIVED):
            for row in meant:
                fits = here["party_size"] <= row["party_size"] and not row["tables_locked"]
                if not fits or not sits.isdisjoint(row["tables"]):
                    continue
                answer = self.script.verb("seat", here["id"], tables=row["tables"])
                if answer.status_code == 200:
                    self.script.oracle.hear_affected(answer.json)
                    self.script.night.acts["seat over"] += bool(answer.json["affected"])
                    self.script.eat(here["id"])
                    return

    def _cancel_many(self) -> None:
        """Three parties to come are cancelled as one act, with the host's own words."""
        chosen = [row["id"] for row in self._to_come(45)[:3]]
        self._hurt("cancel", reservations=chosen, message="The kitchen has no water.")
        for each in chosen:
            assert self.script.row(each)["status"] == Status.CANCELLED

    def _close(self) -> None:
        """From half past nine on nobody comes: parties are moved to other starts, or cancelled."""
        night = self.script.night
        start = night.at(21, 30)
        said = self._hurt(
            "close",
            date=FRIDAY.date().isoformat(),
            shift="dinner",
            parties="move_or_cancel",
            reason="no water",
            message="We close early tonight.",
            **{"from": start.isoformat()},
        )
        self.script.oracle.closed_from = start
        night.acts["moved by closing"] += sum(bool(each["moved_to"]) for each in said["parties"])
        night.acts["told of closing"] += sum(bool(each["notified_by"]) for each in said["parties"])
        refused = night.book("Too late", 2, night.at(21, 45))
        assert refused.status_code == 409, refused.text
        for each in said["parties"]:
            if each["moved_to"]:
                number, when = each["reservation_id"], moment(each["moved_to"])
                self.script.come(number, when)

    def _hurt(self, name: str, **body: Any) -> dict[str, Any]:
        """Ask for the preview, then do it: it concerns whom was shown."""
        night = self.script.night
        shown = night.tell(name, **body, preview=True)
        self.script.check()
        said = night.tell(name, **body)
        assert said["parties"] == shown["parties"]
        self.script.oracle.hear_hurt(said)
        return said


def compare_sections(shown: dict[str, Any], book: dict[str, Any]) -> None:
    """Fail unless each table has one server, and each server the covers of the book."""
    server = {table: each["server"] for each in shown["sections"] for table in each["tables"]}
    assert sorted(server) == sorted(each["label"] for each in book["tables"])
    assert len(server) == sum(len(each["tables"]) for each in shown["sections"])
    sits: Counter[str] = Counter()
    comes: Counter[str] = Counter()
    for row in book["reservations"]:
        if row["shift"] == shown["shift"] and row["tables"]:
            whose = server[row["tables"][0]]
            sits[whose] += row["party_size"] * (row["status"] == Status.SEATED)
            comes[whose] += row["party_size"] * (row["status"] in ("confirmed", "arrived"))
    for each in shown["sections"]:
        found = sits[each["server"]], comes[each["server"]]
        assert (each["covers_seated"], each["covers_to_come"]) == found, (each, found)
