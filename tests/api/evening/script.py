"""The script of the day: who reserves, who comes when, and what the host does about it.

Everything follows from the seed. Each step is an act at a time; an act may plan further ones.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Any, Final

from models.rules.reservations.lifecycle import Status
from tests.api.evening.night import Night, at
from tests.api.evening.oracle import Oracle
from tests.api.evening.spans import moment

SIZES: Final = {2: 50, 1: 5, 3: 9, 4: 22, 5: 4, 6: 6, 8: 3, 10: 1}
#: half of the parties stay longer than planned, two thirds within 22%
_SPREAD: Final = 0.22
_PATIENCE: Final = timedelta(minutes=40)
Act = Callable[[], None]


@dataclass(slots=True)
class Script:
    """Plays the day: `plan` acts, then `play` them in the order of time."""

    night: Night
    oracle: Oracle
    random: Random
    check: Callable[[], None]
    overstayers: int
    answered: int = 0
    _todo: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)
    _expected: set[str] = field(default_factory=set)

    def plan(self, when: datetime, act: Act) -> None:
        """Do that at that time, or now if it is past."""
        heapq.heappush(self._todo, (max(when, self.night.now), next(self._order), act))

    def play(self) -> None:
        """Do everything, each act checked before the next."""
        while self._todo:
            when, _, act = heapq.heappop(self._todo)
            self.night.now = when
            act()
            self.check()
            self._expect_confirmed()

    # --- before the day

    def reserve(self, wanted: int) -> None:
        """Make that many confirmed reservations, online and by telephone."""
        names = itertools.count(1)
        while self._confirmed() < wanted:
            number = next(names)
            assert number < 5 * wanted, self.night.refused
            size = self._size()
            self._reserve(f"Guest {number}", size, online=number % 2 == 0 and size <= 8)
        self._expect_confirmed()

    def _confirmed(self) -> int:
        return sum(each.status is Status.CONFIRMED for each in self.oracle.parties.values())

    def _reserve(self, name: str, size: int, *, online: bool) -> None:
        start = self.random.choice(STARTS)
        if online:
            self.hear(self.night.ask(name, size, start))
            self.night.decide()
            self._answer(self._row_of(name))
        else:
            self.hear(self.night.book(name, size, start))
        self.oracle.compare(self.night.book_of_the_day(), now=self.night.now)

    def _row_of(self, name: str) -> dict[str, Any]:
        """Return the line of the book of that guest."""
        rows = self.night.book_of_the_day()["reservations"]
        return next(dict(each) for each in rows if each["guest"]["name"] == name)

    def _answer(self, row: dict[str, Any]) -> None:
        """Approve a request that waits for it, or decline every third."""
        if row["approve_by"]:
            self.oracle.compare(self.night.book_of_the_day(), now=self.night.now)
            self.answered += 1
            answer = self.verb("decline" if self.answered % 3 == 2 else "approve", row["id"])
            assert answer.status_code == 200, answer.text

    def _size(self) -> int:
        return self.random.choices(list(SIZES), weights=list(SIZES.values()))[0]

    # --- a party that is expected

    def _expect_confirmed(self) -> None:
        """Plan for each party that has a table now, be it from the waitlist."""
        for party, heard in list(self.oracle.parties.items()):
            if heard.status is Status.CONFIRMED and party not in self._expected:
                self._expected.add(party)
                self._expect(party)

    def _expect(self, number: str) -> None:
        row = self.row(number)
        start, fate = moment(row["start"]), self.random.random()
        if fate < 0.06:
            self.plan(start + timedelta(minutes=20), lambda: self.verb("no-show", number))
        elif fate < 0.12:
            early = timedelta(minutes=self.random.randint(5, 300))
            self.plan(start - early, lambda: self._cancel(number))
        else:
            if fate < 0.2:
                self.plan(start - timedelta(hours=2), lambda: self._change(number))
            late = timedelta(minutes=self.random.randint(-12, 16))
            if fate > 0.95:
                self.plan(start + timedelta(minutes=3), lambda: self._late(number))
                late += timedelta(minutes=20)
            self.plan(start + late, lambda: self._arrive(number))

    def come(self, number: str, start: datetime) -> None:
        """The party was moved to that start, and comes then."""
        self.plan(start + timedelta(minutes=2), lambda: self._arrive(number))

    def _late(self, number: str) -> None:
        """It calls: it is on its way. The book misses it only after that."""
        until = self.night.now + timedelta(minutes=25)
        answer = self.verb("late", number, until=until.isoformat())
        if answer.status_code == 200:
            assert moment(answer.json["expected_at"]) == until
            assert "not_here" not in self.row(number)["warnings"]

    def _cancel(self, number: str) -> None:
        self.verb("cancel", number)
        if self.random.random() < 0.4:  # by mistake: it was another party
            undo = lambda: self._undo(number)  # noqa: E731
            self.plan(self.night.now + timedelta(seconds=20), undo)

    def _undo(self, number: str) -> None:
        answer = self.verb("take-back", number, **{"from": "cancelled"})
        if answer.status_code == 200 and answer.json["status"] == Status.CONFIRMED:
            self.plan(moment(answer.json["start"]), lambda: self._arrive(number))

    def _change(self, number: str) -> None:
        size = max(1, self.row(number)["party_size"] + self.random.choice((-1, 1)))
        self.hear(self.night.change(number, party_size=size, notify=False))

    def _arrive(self, number: str) -> None:
        if self.oracle.parties[number].status is not Status.CONFIRMED:
            return  # cancelled meanwhile, or here already
        if self.row(number)["party_size"] > 2 and self.random.random() < 0.3:
            some = self.verb("arrive", number, covers=2)
            assert some.status_code != 200 or some.json["arrived_covers"] == 2
            self.check()
        self.verb("arrive", number)
        if self.random.random() < 0.1:  # by mistake: it was another party
            self.verb("take-back", number, **{"from": "arrived"})
            self.check()
            self.verb("arrive", number)
        gives_up = self.night.now + _PATIENCE
        self.plan(self.night.now + timedelta(minutes=2), lambda: self._seat(number, gives_up))

    def _seat(self, number: str, gives_up: datetime) -> None:
        """Seat the party at its table, at another that is free, or try again in five minutes."""
        answer = self.verb("seat", number)
        if answer.status_code == 409:
            label = self._free_table(self.row(number)["party_size"])
            if label:
                answer = self.verb("seat", number, tables=[label])
        if answer.status_code == 200:
            self.eat(number)
        elif self.night.now < gives_up:
            again = self.night.now + timedelta(minutes=5)
            self.plan(again, lambda: self._seat(number, gives_up))
        else:
            self.verb("cancel", number)

    def eat(self, number: str) -> None:
        """The party eats, and leaves in time, or not."""
        row = self.row(number)
        turn = moment(row["end"]) - self.night.now
        if self.overstayers and self.random.random() < 0.15:
            self.overstayers -= 1
            self.night.acts["overstays"] += 1
            stays = turn + timedelta(minutes=45)
        else:
            stays = turn * exp(self.random.gauss(0, _SPREAD))
        self.plan(self.night.now + stays, lambda: self.verb("finish", number))

    # --- a party without a reservation

    def walk_ins(self, count: int) -> None:
        """So many parties come in without a reservation."""
        for number in range(count):
            when = self.random.choice(STARTS) + timedelta(minutes=self.random.randint(0, 14))
            self.plan(when, lambda name=f"Walk-in {number + 1}": self._walk_in(name))  # type: ignore[misc]

    def _walk_in(self, name: str) -> None:
        answer = self.night.walk_in(name, self.random.choices((1, 2, 3, 4), (1, 6, 1, 3))[0])
        self.hear(answer)
        if answer.status_code == 201:
            self.eat(answer.json["id"])

    # --- a table that nobody is to get

    def block(self, when: datetime, labels: list[str], *, until: datetime) -> None:
        """Block the tables then; parties that have them move where they can."""
        self.plan(when, lambda: self._block(labels, until))

    def _block(self, labels: list[str], until: datetime) -> None:
        answer = self.night.block(tables=labels, reason="a broken leg")
        if answer.status_code == 409:
            self.check()
            moves = {"tables": labels, "reason": "a broken leg", "parties": "move"}
            preview = self.night.block(**moves, preview=True)
            self.check()
            answer = self.night.block(**moves)
            assert answer.json["parties"] == preview.json["parties"]
        assert answer.status_code == 200, answer.text
        self.oracle.hear_block(answer.json)
        self.plan(until, lambda: self.oracle.blocks.lifted(self.night.lift(answer.json["id"]).json))

    # --- answers

    def row(self, number: str) -> dict[str, Any]:
        """Return a party's line of the book."""
        rows = self.night.book_of_the_day()["reservations"]
        return next(dict(each) for each in rows if each["id"] == number)

    def _free_table(self, size: int) -> str | None:
        """Return a table that fits and that nobody holds for the next two hours."""
        until = self.night.now + timedelta(hours=2)
        for table in self.night.book_of_the_day()["tables"]:
            held = [
                each
                for each in table["seatings"]
                if each["status"] in ("confirmed", "arrived", "seated")
                and (each["status"] == "seated" or moment(each["start"]) < until)
            ]
            held += table["blocks"]
            if table["min_party"] <= size <= table["max_party"] and not held:
                return str(table["label"])
        return None

    def verb(self, name: str, number: str, **body: Any) -> Any:
        """Do one verb about a party, and note the answer."""
        answer = self.night.verb(name, number, **body)
        self.hear(answer)
        return answer

    def hear(self, answer: Any) -> None:
        """Note an answer about a party, unless it is a refusal."""
        if answer.status_code < 300:
            self.oracle.hear(answer.json)


#: more parties in the evening than at noon, and most at seven and eight
STARTS: Final = (
    *(at(11, 30 + 15 * number) for number in range(11)),
    *(at(17, 15 * number) for number in range(20)),
    *(at(18, 30 + 15 * number) for number in range(8)),
)
