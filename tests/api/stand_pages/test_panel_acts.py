"""The panel of a party offers what the API accepts in its state, and nothing else."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Engine, update

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Restaurant
from models.operations.stand.approving import release_unanswered
from models.rules.reservations.verbs import Verb
from tests.api.conftest import BERLIN, Answer, Client, Stand
from tests.api.stand.test_stand_sign_in import enter
from tests.services.running.restaurant import OpenRestaurant

TABLES: Final = {f"{n}": ("hall", 1, 4) for n in range(1, 31)} | {
    f"L{n}": ("hall", 5, 8) for n in range(4)
}
POLICIES: Final = {"pacing": {"covers": None}, "approval_minutes": 9000}
#: how a panel offers what is no button with the verb's name
PARTS: Final = {
    'data-propose="extend"': Verb.EXTEND,
    "data-by-hand": Verb.ASSIGN,
    "data-swap": Verb.SWAP,
    "data-spend": Verb.SPEND,
    "data-pass-over": Verb.PASS_OVER,
    "data-change": Verb.CHANGE,
    "data-decline": Verb.DECLINE,
}
#: what the API accepts and the panel does not offer: leaving the list is shown in its place
#: (cancel), and it is asked only of a party of whom some were missing (count)
LEFT_OUT: Final = {Verb.CANCEL, Verb.COUNT}


@dataclass(slots=True)
class Evening:
    """Parties of one restaurant, and its clock."""

    stand: Stand
    monkeypatch: pytest.MonkeyPatch
    days_before: datetime = field(default_factory=clock.now)
    #: a party with which another swaps its tables
    other: str = ""
    large: list[str] = field(default_factory=list)

    @property
    def start(self) -> datetime:
        day = self.days_before.astimezone(BERLIN) + timedelta(days=3)
        return day.replace(hour=19, minute=0, second=0, microsecond=0).astimezone(UTC)

    def at(self, minutes: int) -> str:
        return (self.start + timedelta(minutes=minutes)).isoformat()

    def set_clock(self, minutes: float) -> None:
        """So many minutes after the start of the parties."""
        now = self.start + timedelta(minutes=minutes)
        self.monkeypatch.setattr(clock, "now", lambda: now)

    def ask(self, size: int = 2, *, decide: bool = True) -> str:
        """A guest's request. The clock is that of days before."""
        self.monkeypatch.setattr(clock, "now", lambda: self.days_before)
        guest = {"name": "Ada Lovelace", "email": f"{uuid.uuid4().hex}@example.com"}
        answer = self.stand.ask(party_size=size, guest=guest, start=self.at(0))
        assert answer.status_code == 202, answer.text
        if decide:
            self.stand.decide()
        return str(answer.json["id"])

    def do(self, number: str, verb: str, **body: Any) -> Answer:
        path = f"/api/v1/reservations/{number}/{verb}"
        return self.stand.client.post(path, json=body, headers=self.stand.as_staff("manager"))

    def after(self, *verbs: str, at: float = 5, **body: Any) -> str:
        """A party after these acts; `body` is that of the last."""
        number = self.ask()
        self.set_clock(at)
        for verb in verbs:
            answer = self.do(number, verb, **(body if verb == verbs[-1] else {}))
            assert answer.status_code == 200, answer.text
        return number

    def at_door(self) -> str:
        self.set_clock(5)
        headers = self.stand.as_staff("manager") | {"Idempotency-Key": uuid.uuid4().hex}
        body = {"party_size": 2, "guest": {"name": "Door"}}
        answer = self.stand.client.post("/api/v1/restaurants/demo/door", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])


@pytest.fixture
def evening(
    client: Client,
    restaurant: Callable[..., OpenRestaurant],
    db: Engine,
    make_account: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> Evening:
    stand = Stand(client, restaurant(tables=TABLES, policies=POLICIES), db)
    rules = {"approvals": [{"min_party": 4}]}
    with transaction(db) as session:
        session.execute(update(Restaurant).values(day_rules=rules, revision=99))
    make_account("manager@example.com", {stand.restaurant.id: "manager"})
    stand.as_staff("manager")
    made = Evening(stand, monkeypatch)
    made.other = made.ask()
    return made


def later(evening: Evening, number: str, minutes: float) -> str:
    evening.set_clock(minutes)
    return number


def waitlisted(evening: Evening, minutes: float) -> str:
    """A party that waits although a table has become free just now."""
    for number in evening.large:  # of the acts before
        evening.do(number, "cancel")
    evening.large = [evening.ask(8)]
    while 'data-from="waitlisted"' not in panel(evening, evening.large[-1]):
        evening.large.append(evening.ask(8))
    assert evening.do(evening.large[-2], "decline").status_code == 200
    return later(evening, evening.large[-1], minutes)


def expired(evening: Evening) -> str:
    number = evening.ask(4)
    evening.set_clock(0)
    with transaction(evening.stand.db) as session:
        release_unanswered(session, now=clock.now(), limit=10)
    return number


def called(evening: Evening) -> str:
    number = evening.at_door()
    assert evening.do(number, "ready").status_code == 200
    return number


DAYS: Final = -60 * 24 * 2
STATES: Final[dict[str, Callable[[Evening], str]]] = {
    "requested": lambda it: it.ask(decide=False),
    "to approve": lambda it: later(it, it.ask(4), DAYS),
    "to approve today": lambda it: later(it, it.ask(4), -60),
    "days before": lambda it: it.after(at=DAYS),
    "an hour before": lambda it: it.after(at=-60),
    "due": lambda it: it.after(),
    "late": lambda it: it.after("late", until=it.at(20)),
    "locked": lambda it: it.after("lock"),
    "arrived early": lambda it: it.after("arrive", at=-10),
    "arrived": lambda it: it.after("arrive"),
    "partly arrived": lambda it: it.after("arrive", covers=1),
    "seated": lambda it: it.after("seat"),
    "seated and locked": lambda it: it.after("seat", "lock"),
    "finished": lambda it: it.after("seat", "finish"),
    "finished, never seated": lambda it: it.after("finish"),
    "finished days ago": lambda it: later(it, it.after("finish"), -DAYS),
    "no-show": lambda it: it.after("no-show"),
    "no-show days ago": lambda it: later(it, it.after("no-show"), -DAYS),
    "cancelled": lambda it: it.after("cancel"),
    "cancelled an hour ago": lambda it: later(it, it.after("cancel"), 65),
    "waitlisted": lambda it: waitlisted(it, DAYS),
    "waitlisted today": lambda it: waitlisted(it, 5),
    "at the door": Evening.at_door,
    "called": called,
    "declined": lambda it: later(it, declined(it), 5),
    "expired": expired,
}


def declined(evening: Evening) -> str:
    number = evening.ask(4)
    assert evening.do(number, "decline").status_code == 200
    return number


def panel(evening: Evening, number: str) -> str:
    enter(evening.stand.client, "manager")
    day = evening.start.astimezone(BERLIN).date()
    answer = evening.stand.client.get(f"/stand/demo/party/{number}?date={day}")
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def offered(page: str) -> set[Verb]:
    """The acts that a panel has a control for."""
    named = {Verb(name) for name in re.findall(r'data-verb="([a-z-]+)"', page)}
    is_here = re.search(r'class="party-facts"[^>]* data-from="(arrived|seated)"', page)
    if is_here and Verb.ARRIVE in named:
        named = named - {Verb.ARRIVE} | {Verb.COUNT}
    return named | {verb for part, verb in PARTS.items() if part in page}


def attempt(evening: Evening, number: str, verb: Verb, *, revision: str, covers: int) -> bool:
    """Do it over the API; return whether something was done."""
    bodies: dict[Verb, dict[str, Any]] = {
        Verb.COUNT: {"covers": covers},
        Verb.LATE: {"until": evening.at(25)},
        Verb.SPEND: {"amount": "10.00"},
        Verb.ASSIGN: {"tables": ["30"]},
        Verb.READY: {"tables": ["30"]},
        Verb.SWAP: {"with": evening.other},
        Verb.EXTEND: {"minutes": 15},
        Verb.PASS_OVER: {"why": "too large"},
    }
    match = {"If-Match": f'"{revision}"'}
    headers = evening.stand.as_staff("manager") | match
    send, path = evening.stand.client.post, f"/api/v1/reservations/{number}"
    if verb is Verb.CHANGE:
        answer = evening.stand.client.patch(path, json={"party_size": 3}, headers=headers)
    else:
        name = "arrive" if verb is Verb.COUNT else verb.value
        answer = send(f"{path}/{name}", json=bodies.get(verb, {}), headers=headers)
    assert answer.status_code in (200, 409), (verb, answer.text)
    return answer.status_code == 200 and str(answer.json["revision"]) != revision


@pytest.mark.parametrize("state", STATES)
def test_the_panel_offers_what_the_api_accepts(evening: Evening, state: str) -> None:
    accepted: set[Verb] = set()
    number, page = "", ""
    for verb in Verb:
        if not number:  # the act before was done: the next is tried on another party
            number = STATES[state](evening)
            page = panel(evening, number)
            (revision,) = re.findall(r'class="party-facts"[^>]* data-revision="(\d+)"', page)
            covers = 2 if 'aria-pressed="true">1' in page else 1
        if attempt(evening, number, verb, revision=revision, covers=covers):
            accepted.add(verb)
            number = ""
    assert offered(page) - accepted == set(), state
    assert accepted - offered(page) <= LEFT_OUT, state
