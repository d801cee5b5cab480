"""The host's acts on tables: another table, two exchanged, a lock, a longer turn, a party over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.rules.reservations.lifecycle import Status
from tests.api.evening.script import Script
from tests.api.evening.spans import moment


@dataclass(slots=True)
class TableActs:
    """Plays the acts on tables, each seen first in its preview."""

    script: Script

    def plan(self, hour: int) -> None:
        """Every act once within the hour."""
        acts = (self._lock, self._swap, self._assign, self._overlap, self._seat_over, self._extend,
                self._shorten, self._open_end, self._unlock)  # fmt: skip
        for number, act in enumerate(acts):
            self.script.plan(self.script.night.at(hour, 7 + 5 * number), act)

    def _rows(self, status: Status) -> list[dict[str, Any]]:
        rows = self.script.night.book_of_the_day()["reservations"]
        return [row for row in rows if row["status"] == status]

    def _coming(self) -> list[dict[str, Any]]:
        """Return the parties that are to come in an hour or later, by their start."""
        soon = self.script.night.now + timedelta(hours=1)
        return [row for row in self._rows(Status.CONFIRMED) if moment(row["start"]) >= soon]

    def _sits(self) -> list[dict[str, Any]]:
        """Return the parties that sit within their turn, who sits longest first."""
        now = self.script.night.now
        rows = [row for row in self._rows(Status.SEATED) if moment(row["end"]) > now]
        return sorted(rows, key=lambda each: str(each["seated_at"]))

    def _lock(self) -> None:
        for row in self._coming()[:2]:
            answer = self.script.verb("lock", row["id"])
            assert answer.status_code == 200, answer.text
            assert answer.json["tables_locked"]
            self.script.check()

    def _unlock(self) -> None:
        for number in sorted(self.script.oracle.locked)[:1]:
            if self.script.oracle.parties[number].status is Status.CONFIRMED:
                assert not self.script.verb("unlock", number).json["tables_locked"]

    def _swap(self) -> None:
        """Exchange the tables of the first two parties alike in size and start."""
        rows = self._coming()
        for one in rows:
            for other in rows:
                alike = (one["party_size"], one["start"]) == (other["party_size"], other["start"])
                if alike and one["tables"] < other["tables"]:
                    self._act("swap", one, **{"with": other["id"]})
                    return

    def _assign(self) -> None:
        for row in self._coming()[-1:]:
            self._act(
                "assign", row, tables=[self._table_for(row["party_size"], besides=row["tables"])]
            )

    def _overlap(self) -> None:
        """A manager puts a party at a table for fewer, over whoever has it before."""
        for row in self._coming()[:1]:
            force = {"squeeze": True, "overlap": True, "reason": "regular guests"}
            tables = [self._table_for(max(1, row["party_size"] - 1), besides=row["tables"])]
            self.script.oracle.squeezed.add(row["id"])
            self._act("assign", row, **self.script.night.as_manager, tables=tables, **force)

    def _seat_over(self) -> None:
        """A party that is here gets a table that another was to have."""
        for row in self._rows(Status.ARRIVED)[:1]:
            answer = self.script.verb(
                "seat", row["id"], tables=[self._table_for(row["party_size"])]
            )
            if answer.status_code == 200:
                self.script.oracle.hear_affected(answer.json)
                self.script.eat(row["id"])

    def _extend(self) -> None:
        for row in self._sits()[:1]:
            self._act("extend", row, minutes=30)

    def _shorten(self) -> None:
        for row in self._sits()[-1:]:
            self._act("extend", row, minutes=-15)

    def _open_end(self) -> None:
        for row in self._sits()[1:2]:
            self._act("extend", row, open_end=True)

    def _table_for(self, size: int, *, besides: Sequence[str] = ()) -> str:
        """Return a table for so many, which the party has not got yet."""
        every = self.script.night.book_of_the_day()["tables"]
        tables = [each for each in every if each["label"] not in besides]
        fits = [each["label"] for each in tables if each["min_party"] <= size <= each["max_party"]]
        return str(self.script.random.choice(fits or [each["label"] for each in tables]))

    def _act(self, name: str, row: dict[str, Any], **body: Any) -> None:
        """Ask for the preview, then do it, twice: what happens is what was shown, and once."""
        night, number = self.script.night, row["id"]
        headers = {key: body.pop(key) for key in ("Authorization",) if key in body}
        path = f"/api/v1/reservations/{number}/{name}"
        shown = night.send(f"preview of {name}", path, body | {"preview": True}, **headers)
        self.script.check()
        headers["If-Match"] = f'"{row["revision"]}"'
        answer = night.send(name, path, body, **headers)
        if answer.status_code != 200:
            assert shown.status_code != 200 or shown.json["in_the_way"], (shown.text, answer.text)
            return
        assert not shown.json["in_the_way"]
        assert shown.json["affected"] == answer.json["affected"]
        self._hear(name, row, answer.json, **body)
        self.script.check()
        again = night.send(f"{name} again", path, body, **headers)
        assert again.status_code in (200, 412), again.text
        self._is_in_history(number, answer.json)

    def _hear(self, name: str, row: dict[str, Any], said: dict[str, Any], **body: Any) -> None:
        self.script.oracle.hear(said)
        self.script.oracle.hear_affected(said)
        if name == "extend":
            assert said["end"] == said["new_end"]
        elif name == "assign":
            assert said["tables"] == body["tables"]
        else:
            answer = self.script.night.read(f"/reservations/{body['with']}")
            assert set(answer["tables"]) == set(row["tables"])
            self.script.oracle.hear(answer)

    def _is_in_history(self, number: str, said: dict[str, Any]) -> None:
        """The last step says who did it, and the tables since then."""
        last = self.script.night.read(f"/reservations/{number}/history")["steps"][-1]
        assert (last["actor"], last["revision"]) == ("staff", said["revision"]), last
        assert set(last["tables"]) == set(said["tables"])
