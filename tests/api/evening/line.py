"""The list at the door, as it follows from the answers to the host and from the clock."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.api.evening.spans import moment


@dataclass(frozen=True, slots=True)
class Call:
    """The tables that a party was called to, and until when it may come."""

    tables: frozenset[str]
    until: datetime


@dataclass(slots=True)
class Line:
    """Everybody who joined, in the order of their places; who was called; who missed a call."""

    places: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    quoted: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    called_by_clock: int = 0
    #: a party that was just passed over, and the next
    passed: tuple[str, str] | None = None

    def joined(self, said: dict[str, Any]) -> None:
        """Note a party that joined: it is the last."""
        self.places.append(said["id"])
        self.sizes[said["id"]] = said["party_size"]
        if "quoted" in said:
            self.quoted[said["id"]] = said["quoted"]

    def called(self, number: str) -> None:
        """The host called the party; the list says to which tables."""
        self.calls.pop(number, None)
        self.missed.discard(number)

    def passed_over(self, number: str, waiting: set[str]) -> None:
        """The next party goes first from now on; a call is taken back."""
        self.calls.pop(number, None)
        here = self.places.index(number)
        behind = [
            each for each in self.places[here + 1 :] if each in waiting and each not in self.missed
        ]
        if behind and number not in self.missed:
            self.passed = (number, behind[0])

    def compare(
        self,
        entries: list[dict[str, Any]],
        waiting: set[str],
        tables: list[dict[str, Any]],
        *,
        now: datetime,
    ) -> None:
        """Fail unless the list shows these parties in this order, with their calls and quotes."""
        shown = {each["id"]: each for each in entries}
        assert shown.keys() == waiting
        was, self.calls = self.calls, {}
        lapsed = {
            number: call.tables
            for number, call in was.items()
            if number in waiting and shown[number]["missed_at"]
        }
        for number in lapsed:
            assert was[number].until <= now, shown[number]
        before = [each for each in self.places if each in waiting and each not in self.missed]
        self.missed |= lapsed.keys()
        for number, each in shown.items():
            self._entry(each, now=now)
            if number in self.calls and each["ready_at"] and number not in was:
                self._is_due(number, lapsed, before, was, tables)
        if self.passed:
            self._goes_behind(*self.passed, list(shown))
            self.passed = None
        order = [each for each in self.places if each in waiting]
        order.sort(key=lambda each: each in self.missed)
        assert [each["id"] for each in entries] == order
        promised = [label for call in self.calls.values() for label in call.tables]
        assert len(promised) == len(set(promised)), self.calls

    def _goes_behind(self, number: str, first: str, shown: list[str]) -> None:
        """Place it behind the next, and behind whom it is shown: others were passed over, too."""
        here = shown.index(number)
        assert first in shown[:here], (number, first, shown)
        self.places.remove(number)
        self.places.insert(self.places.index(shown[here - 1]) + 1, number)

    def _entry(self, each: dict[str, Any], *, now: datetime) -> None:
        number = each["id"]
        assert bool(each["missed_at"]) == (number in self.missed), each
        assert self.quoted.setdefault(number, each["quoted"]) == each["quoted"], each
        waited = int((now - moment(each["joined_at"])).total_seconds() // 60)
        if not each["ready_at"] and not each["missed_at"]:
            assert each["waited_minutes"] <= waited, each
        is_late = bool(each["quoted"]) and each["waited_minutes"] > each["quoted"]["high"]
        assert each["is_quote_exceeded"] == is_late, each
        if each["ready_until"]:
            assert each["tables"], each
            self.calls[number] = Call(frozenset(each["tables"]), moment(each["ready_until"]))

    def _is_due(
        self,
        number: str,
        lapsed: dict[str, frozenset[str]],
        before: list[str],
        was: dict[str, Call],
        tables: list[dict[str, Any]],
    ) -> None:
        """One that the clock called is the first that the tables of a missed call suit."""
        call = self.calls[number].tables
        if call not in lapsed.values():
            return  # by the host
        self.called_by_clock += 1
        fits = {each["label"]: (each["min_party"], each["max_party"]) for each in tables}
        if len(call) == 1 and number in before:
            least, most = fits[min(call)]
            ahead = before[: before.index(number)]
            suits = [each for each in ahead if least <= self.sizes[each] <= most]
            # several calls may be over at once: those ahead were called to the other tables
            assert set(suits) <= was.keys() | lapsed.keys() | self.calls.keys(), (number, suits)
