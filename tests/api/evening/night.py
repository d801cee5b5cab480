"""The day's clock, its restaurant, and one function for each act of the API."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.core.settings import settings
from schedules.jobs import HOST_STAND_JOBS, jobs
from tasks.allocation import decide
from tasks.app import app
from tasks.messages import deliver
from tests.api.conftest import Answer, Client
from tests.services.running.restaurant import OpenRestaurant

BERLIN = ZoneInfo("Europe/Berlin")
#: the day before, when the reservations are made; and the day
EVE = datetime(2026, 3, 5, 12, 2, tzinfo=BERLIN)
FRIDAY = datetime(2026, 3, 6, tzinfo=BERLIN)
#: the tokens run out by the real clock
_RENEW_SECONDS: Final = 240


def at(hour: int, minute: float = 0) -> datetime:
    """Return a time of Friday; minutes may exceed the hour."""
    return FRIDAY + timedelta(hours=hour, minutes=minute)


@dataclass(slots=True)
class Night:
    """One evening. `now` is the clock of every process; only the tests move it."""

    client: Client
    restaurant: OpenRestaurant
    #: who signed in: the answers with their tokens
    host: "SignedIn"
    manager: "SignedIn"
    now: datetime = EVE
    writes: "Writes" = field(default_factory=lambda: Writes())  # noqa: PLW0108 -- it is defined below
    _book: tuple[tuple[int, datetime], dict[str, Any]] | None = None
    acts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def staff(self) -> dict[str, str]:
        """The header of the host."""
        return self.host.header(self.client)

    @property
    def as_manager(self) -> dict[str, str]:
        """The header of the manager."""
        return self.manager.header(self.client)

    @property
    def path(self) -> str:
        return f"/api/v1/restaurants/{self.restaurant.slug}"

    def send(self, act: str, path: str, body: dict[str, Any], **headers: str) -> Answer:
        """POST one act; count it, or its refusal by its code. A header that is "" is not sent."""
        own = self.staff | {"Idempotency-Key": uuid.uuid4().hex} | headers
        given = {name: value for name, value in own.items() if value}
        answer = self.client.post(path, json=body, headers=given)
        assert answer.status_code < 500, (act, body, answer.text)
        if answer.status_code < 300:
            self.acts[act] += 1
        else:
            self.refused[f"{act}: {answer.status_code} {answer.json['code']}"] += 1
        return answer

    def verb(self, name: str, party: str, **body: Any) -> Answer:
        """One verb of the stand about one party."""
        return self.send(name, f"/api/v1/reservations/{party}/{name}", body)

    def stand(self, name: str, body: dict[str, Any]) -> Answer:
        """One act about the evening: below `.../book/`."""
        return self.send(name, f"{self.path}/book/{name}", body)

    def tell(self, name: str, **body: Any) -> dict[str, Any]:
        """One act of the manager about the evening; it succeeds."""
        answer = self.send(name, f"{self.path}/book/{name}", body, **self.as_manager)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def divide(self, sections: list[dict[str, Any]]) -> dict[str, Any]:
        """Divide the tables of the dinner among the servers."""
        body = {"date": FRIDAY.date().isoformat(), "shift": "dinner", "sections": sections}
        path = f"{self.path}/book/sections"
        answer = self.client.put(path, json=body, headers=self.as_manager)
        assert answer.status_code == 200, answer.text
        self.acts["sections"] += 1
        return dict(answer.json)

    def read(self, path: str) -> dict[str, Any]:
        """GET as the host; `path` is below /api/v1."""
        answer = self.client.get(f"/api/v1{path}", headers=self.staff)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def limits(self) -> dict[str, Any]:
        """Return what is stopped, limited or closed today."""
        here = f"/restaurants/{self.restaurant.slug}"
        return self.read(f"{here}/book/limits?date={FRIDAY.date().isoformat()}")

    @staticmethod
    def at(hour: int, minute: float = 0) -> datetime:
        """Return a time of the day."""
        return at(hour, minute)

    def ask(self, name: str, size: int, start: datetime, **more: Any) -> Answer:
        """A guest asks for a table online."""
        body = {"party_size": size, "start": start.isoformat(), "guest": guest(name)} | more
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = self.client.post(f"{self.path}/reservations", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        self.acts["ask online"] += 1
        return answer

    def book(self, name: str, size: int, start: datetime, **more: Any) -> Answer:
        """The staff book for a guest on the telephone."""
        body = {"party_size": size, "start": start.isoformat(), "guest": guest(name)} | more
        return self.send("book by phone", f"{self.path}/book/reservations", body)

    def walk_in(self, name: str, size: int, **more: Any) -> Answer:
        """A party without a reservation comes in and is seated."""
        body = {"party_size": size, "walk_in": True, "guest": {"name": name}} | more
        return self.send("walk-in", f"{self.path}/book/reservations", body)

    def door(self, name: str, size: int) -> Answer:
        """The staff put a party on the list at the door."""
        return self.send("door", f"{self.path}/door", {"party_size": size, "guest": {"name": name}})

    def join(self, name: str, size: int) -> Answer:
        """A guest joins the list at the door by the link."""
        body = {"party_size": size, "guest": guest(name)}
        return self.send("door by link", f"{self.path}/door/join", body, Authorization="")

    def line(self) -> dict[str, Any]:
        """Return the list at the door as the stand reads it."""
        answer = self.client.get(f"{self.path}/door", headers=self.staff)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def block(self, **body: Any) -> Answer:
        """Take tables out; with `preview`, ask what that would do."""
        name = "preview of a block" if body.get("preview") else "block"
        return self.send(name, f"{self.path}/blocks", body)

    def lift(self, block: str) -> Answer:
        """Give a block's tables back."""
        return self.send("lift", f"{self.path}/blocks/{block}/lift", {})

    def cancel(self, party: str, token: str) -> Answer:
        """The guest cancels by the link."""
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/api/v1/reservations/{party}/cancel"
        answer = self.client.post(path, headers=headers, json={})
        assert answer.status_code == 200, answer.text
        self.acts["cancel by guest"] += 1
        return answer

    def change(self, party: str, **body: Any) -> Answer:
        """The staff change a reservation."""
        answer = self.client.patch(f"/api/v1/reservations/{party}", json=body, headers=self.staff)
        assert answer.status_code < 500, answer.text
        if answer.status_code == 200:
            self.acts["change"] += 1
        else:
            self.refused[f"change: {answer.status_code} {answer.json['code']}"] += 1
        return answer

    def book_of_the_day(self) -> dict[str, Any]:
        """Return the book as the stand reads it; the last one, if nothing has changed since."""
        at = (self.writes.count, self.now)
        if self._book is None or self._book[0] != at:
            self._book = (at, self._read_book())
        return self._book[1]

    def _read_book(self) -> dict[str, Any]:
        day = FRIDAY.date().isoformat()
        answer = self.client.get(f"{self.path}/book?date={day}", headers=self.staff)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def work(self) -> None:
        """What the workers and the clock do: decisions, the jobs at the stand, messages."""
        app.loader.import_default_modules()
        self.decide()
        for job in jobs(3, backups=False):
            if job.name in HOST_STAND_JOBS:
                app.tasks[job.task](*job.args)
        self.decide()
        deliver()

    def decide(self) -> None:
        """Decide every request and change that waits, as a worker does."""
        for lane in range(settings().lanes):
            decide(lane)


@dataclass(slots=True)
class Writes:
    """Counts the statements that may have changed a row, in every process of the day: this one."""

    count: int = 0

    def saw(self, _connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        """Note one statement, unless it changed no row."""
        kind = statement.lstrip()[:6].upper()
        if kind in ("INSERT", "UPDATE", "DELETE", "REPLAC") and cursor.rowcount != 0:
            self.count += 1


@dataclass(slots=True)
class SignedIn:
    """A member of the staff, who renews the tokens before they run out."""

    tokens: dict[str, Any]
    since: float = field(default_factory=monotonic)

    def header(self, client: Client) -> dict[str, str]:
        if monotonic() - self.since > _RENEW_SECONDS:
            body = {"refresh_token": self.tokens["refresh_token"]}
            answer = client.post("/api/v1/auth/refresh", json=body)
            assert answer.status_code == 200, answer.text
            self.tokens, self.since = dict(answer.json), monotonic()
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


def guest(name: str) -> dict[str, str]:
    """Return a guest's contact, different for each name."""
    return {"name": name, "email": f"{name.replace(' ', '.').lower()}@guests.example"}
