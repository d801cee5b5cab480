"""Online booking stopped, limited and reopened: guests ask meanwhile, and the book says why."""

from dataclasses import dataclass
from typing import Any

from models.rules.evening.limits import Limited
from models.rules.reservations.lifecycle import Status
from tests.api.evening.night import FRIDAY
from tests.api.evening.script import Script


@dataclass(slots=True)
class Stops:
    """Plays the stops; `guests` ask before, meanwhile and afterwards."""

    script: Script
    asked: int = 0

    def plan(self) -> None:
        """Limit the dinner at noon, stop it in the afternoon, and reopen it an hour later."""
        at = self.script.night.at
        self.script.plan(at(12, 20), lambda: self._stop(covers=2))
        self.script.plan(at(15, 10), lambda: self._stop(covers=0))
        for minutes in (0, 20, 40):
            self.script.plan(at(15, 12 + minutes), lambda: self._ask(stopped=True))
        self.script.plan(at(16, 10), self._reopen)
        self.script.plan(at(16, 14), lambda: self._ask(stopped=False))

    def _stop(self, *, covers: int) -> None:
        body = {"date": self._day, "shift": "dinner", "covers": covers, "reason": "the kitchen"}
        answer = self.script.night.stand("stop", body)
        assert answer.status_code == 200, answer.text
        self._shows(Limited.ONLINE, covers)

    def _reopen(self) -> None:
        answer = self.script.night.stand("reopen", {"date": self._day, "shift": "dinner"})
        assert answer.json == {"limits": []}, answer.text

    def _ask(self, *, stopped: bool) -> None:
        self.asked += 1
        start = self.script.night.at(21, 15 * (self.asked % 3))
        said = self.script.night.ask(f"Late guest {self.asked}", 2, start, waitlist=False)
        self.script.hear(said)
        self.script.night.decide()
        row = self.script.night.read(f"/reservations/{said.json['id']}")
        assert (row["status"] == Status.DECLINED and row["reason"] == "stopped") == stopped, row

    def _shows(self, kind: str, covers: int) -> None:
        limits: list[dict[str, Any]] = self.script.night.limits()["limits"]
        assert [(each["kind"], each["covers"]) for each in limits] == [(kind, covers)], limits

    @property
    def _day(self) -> str:
        return FRIDAY.date().isoformat()
