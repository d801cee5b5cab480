"""The acts at the door: who joins, whom the host calls, and who comes when called."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from models.rules.reservations.lifecycle import Status
from tests.api.evening.night import at
from tests.api.evening.script import Script

_TRIED: Final = 3


@dataclass(slots=True)
class Door:
    """Plays the list at the door."""

    script: Script
    #: the calls that a party has heard: who, and until when
    heard: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, parties: int) -> None:
        """So many parties come; the host looks at the list every four minutes."""
        for number in range(1, parties + 1):
            when = at(18, 15 + self.script.random.randint(0, 170))
            self.script.plan(when, lambda number=number: self._join(number))  # type: ignore[misc]
        for minutes in range(0, 5 * 60, 4):
            self.script.plan(at(18, 22 + minutes), self._serve)
        self.script.plan(at(23, 40), self._close)

    def _join(self, number: int) -> None:
        size = self.script.random.choices((1, 2, 3, 4, 6), (1, 12, 2, 5, 1))[0]
        join = self.script.night.join if number % 3 == 0 else self.script.night.door
        answer = join(f"Door {number}", size)
        assert answer.status_code == 201, answer.text
        self.script.hear(answer)
        self.script.oracle.line.joined(answer.json)
        if answer.json.get("quoted") == {
            "low": 0,
            "high": 0,
        }:  # a table is free: the host calls now
            self._call(answer.json["id"])
        if self.script.random.random() < 0.15:
            when = self.script.night.now + timedelta(minutes=self.script.random.randint(10, 50))
            self.script.plan(when, lambda: self._leave(answer.json["id"]))

    def _serve(self) -> None:
        """Call the first parties for whom a table is free; pass one over now and then."""
        entries = self.script.night.line()["entries"]
        for each in entries:
            self._expect(each)
        free = [each for each in entries if not each["ready_at"] and not each["missed_at"]]
        for each in free[:_TRIED]:
            self._call(each["id"])
            self.script.check()
        if len(free) > 2 and self.script.random.random() < 0.1:
            self._pass_over(free[0]["id"], "waits for a friend")

    def _call(self, number: str) -> None:
        if self.script.verb("ready", number).status_code == 200:
            self.script.oracle.line.called(number)

    def _expect(self, each: dict[str, Any]) -> None:
        """A called party comes within its time, later, or not at all."""
        call = (each["id"], each["ready_until"])
        if not each["ready_until"] or call in self.heard:
            return
        self.heard.add(call)
        if self.script.random.random() < 0.85:
            minutes = self.script.random.randint(1, 9)
            when = self.script.night.now + timedelta(minutes=minutes)
            self.script.plan(when, lambda: self._seat(each["id"]))

    def _seat(self, number: str) -> None:
        if not self._waits(number):
            return
        answer = self.script.verb("seat", number)
        if answer.status_code != 200:
            self._pass_over(number, "its table is not free")
        elif self.script.random.random() < 0.1:  # by mistake: it was another party
            self.script.check()
            self.script.verb("take-back", number, **{"from": "seated"})
        else:
            self.script.eat(number)

    def _pass_over(self, number: str, why: str) -> None:
        answer = self.script.night.verb("pass-over", number, why=why)
        assert answer.status_code == 200, answer.text
        self.script.oracle.line.passed_over(number, self.script.oracle.waiting())
        self.script.hear(answer)

    def _leave(self, number: str) -> None:
        if self._waits(number):
            self.script.verb("leave", number)

    def _close(self) -> None:
        for number in self.script.oracle.waiting():
            self._leave(number)

    def _waits(self, number: str) -> bool:
        return self.script.oracle.parties[number].status is Status.WAITLISTED
