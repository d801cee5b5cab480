"""The running installation: web, workers and scheduler, with their own database, Redis and SMTP."""

import shutil
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, func, select, update

from deploy.procfile import commands_of
from models.core import clock
from models.core.database.transactions import make_engine, reading, transaction
from models.entities import Message, Reservation, ReservationChange, ShiftDay
from models.integrity.check import Finding, findings
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from models.rules.reservations.lifecycle import UNDO_PAUSE, Status
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import NotReady, Process, wait_until
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes, open_restaurant
from tests.services.running.surroundings import KEYSET, environment
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

PASSWORD = "only for tests, and long"
UNPACED = {"pacing": {"covers": 500}, "max_party_online": 20, "same_guest_gap_minutes": 0}


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer to a request: HTTP status, body, seconds."""

    status: int
    body: dict[str, Any]
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.body["id"])

    @property
    def token(self) -> str:
        """The manage token from the manage link."""
        return str(self.body["manage_url"]).rpartition("/")[2]


class Stack:
    """Processes by name: `web`, `allocation-1`, `allocation-2`, `messages`, `scheduler`."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str,
        redis: RedisServer,
        mailbox: Mailbox,
        mariadb: MariaDB | None = None,
        workers: int = 2,
    ) -> None:
        self.folder = folder
        self.redis = redis
        self.mailbox = mailbox
        self.mariadb = mariadb
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(
            folder, database_url=database_url, redis_url=redis.url, smtp_url=mailbox.url
        ) | {
            "SWEEP_SECONDS": "1",
            "PUBLIC_URL": self.url,
            "LANES": "4",
            # its own file, because tests rotate keys there
            "KEYSET_FILE": shutil.copyfile(KEYSET, folder / "keyset.json").as_posix(),
        }
        self.engine: Engine = make_engine(database_url, pool_size=4)
        self._client = httpx.Client(
            base_url=self.url, timeout=30, limits=httpx.Limits(max_connections=64)
        )
        #: the metrics port of each worker
        self.metrics_ports: dict[str, int] = {}
        self.processes = self._describe(workers)

    def _describe(self, workers: int) -> dict[str, Process]:
        lines = commands_of(ROOT)
        found = {
            name: self._process(name, lines[name]) for name in ("web", "messages", "scheduler")
        }
        for number in range(1, workers + 1):
            name = f"allocation-{number}"
            found[name] = self._process(name, f"{lines['allocation']} --hostname {name}@test")
        return found

    def _process(self, name: str, command: str) -> Process:
        """Start a command of the Procfile in a shell that execs it."""
        env = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "WEB_PORT": str(self.port),
        }
        if name not in ("web", "scheduler"):
            self.metrics_ports[name] = free_port()
            env["METRICS_PORT"] = str(self.metrics_ports[name])
        argv = ["/bin/sh", "-c", f"exec {command}"]
        return Process(name, argv, log=self.folder / f"{name}.log", env=env | self.env, cwd=ROOT)

    # --- the processes

    def start(self) -> None:
        """Start all processes, and wait until each is ready."""
        for process in self.processes.values():
            process.start()
        self.processes["web"].wait_ready(self._web_answers)
        for name, process in self.processes.items():
            if name not in ("web", "scheduler"):
                process.wait_ready(lambda process=process: "ready" in process.tail())  # type: ignore[misc]

    def stop(self) -> None:
        """End all processes: the scheduler first, the web server last."""
        self._client.close()
        self.engine.dispose()
        for name in ("scheduler", *self.workers, "web"):
            self.processes[name].terminate()

    def heal(self) -> None:
        """After a test, restart or resume everything that was killed, paused or stopped."""
        self.mailbox.clear()
        for process in self.processes.values():
            if process.is_running:
                process.resume()
            else:
                process.start()
        self.processes["web"].wait_ready(self._web_answers)
        # refused or interrupted sends would be retried minutes later, during other tests
        now = clock.now()
        with self.engine.begin() as connection:
            again = update(Message).where(Message.state == "queued", Message.attempts > 0)
            connection.execute(again.values(due_at=now))
            # a message that waits for an undo would become due during another test; untouched
            # ones are due when they were written (models/integrity/checks/messages.py)
            kept = Message.due_at.between(now, now + UNDO_PAUSE), Message.attempts == 0
            sent = update(Message).where(Message.state == "queued", *kept)
            connection.execute(sent.values(due_at=now, created_at=now))

    @property
    def workers(self) -> list[str]:
        return [name for name in self.processes if name not in ("web", "scheduler")]

    @property
    def deciders(self) -> list[Process]:
        """The allocation workers."""
        return [self.processes[name] for name in self.workers if name.startswith("allocation")]

    def kill9(self, name: str) -> None:
        """SIGKILL for one process."""
        self.processes[name].kill()

    def _web_answers(self) -> bool:
        try:
            return self._client.get("/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def logs(self) -> str:
        return "\n".join(
            f"--- {name}\n{process.tail(40)}" for name, process in self.processes.items()
        )

    # --- the restaurant and its guests

    def open_restaurant(self, **restaurant: Any) -> OpenRestaurant:
        """Open a restaurant with a new slug, every day from 12:00 to midnight, without pacing."""
        restaurant.setdefault("policies", UNPACED)
        restaurant.setdefault("shifts", {"all-day": ShiftTimes(first=_noon())})
        return open_restaurant(
            self.engine, slug=f"restaurant-{uuid.uuid4().hex[:12]}", **restaurant
        )

    def post(
        self,
        restaurant: OpenRestaurant,
        *,
        start: datetime,
        party_size: int = 2,
        name: str = "Ada",
        email: str | None = None,
        key: str | None = None,
        wait: int = 0,
        phone: str | None = None,
        **more: Any,
    ) -> Asked:
        """POST a reservation; return the answer whatever its status."""
        mail = email or f"{uuid.uuid4().hex}@example.com"
        body = {"party_size": party_size, "start": start.isoformat()} | more
        body["guest"] = {"name": name, "email": mail} | ({"phone": phone} if phone else {})
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        path = f"/api/v1/restaurants/{restaurant.slug}/reservations"
        return self._send("POST", path, json=body, headers=headers)

    def patch(self, asked: Asked, *, wait: int = 0, **change: Any) -> Asked:
        """PATCH a reservation with its manage token."""
        headers = {"Manage-Token": asked.token} | ({"Prefer": f"wait={wait}"} if wait else {})
        path = f"/api/v1/reservations/{asked.id}"
        return self._send("PATCH", path, json=change, headers=headers)

    def cancel(self, asked: Asked) -> Asked:
        """Cancel a reservation with its manage token."""
        path = f"/api/v1/reservations/{asked.id}/cancel"
        return self._send("POST", path, json={}, headers={"Manage-Token": asked.token})

    def sign_in_as_host(self, restaurant: OpenRestaurant) -> str:
        """Return the access token of a new host."""
        email = f"{uuid.uuid4().hex}@example.com"
        hashed, now = hash_password(PASSWORD), clock.now()
        with transaction(self.engine) as session:
            number = create_account(session, email, name="Host", password_hash=hashed, now=now)
            grant_role(session, number, restaurant_id=restaurant.id, role=Role.HOST)
        body = {"email": email, "password": PASSWORD}
        return str(self._send("POST", "/api/v1/auth/sign-in", json=body).body["access_token"])

    def staff(self, method: str, path: str, token: str, **body: Any) -> Asked:
        """Call the API with an access token; `path` is below /api/v1."""
        headers = {"Authorization": f"Bearer {token}"}
        return self._send(method, f"/api/v1{path}", json=body, headers=headers)

    def _send(self, method: str, path: str, **options: Any) -> Asked:
        answer = self._client.request(method, path, **options)
        body = answer.json() if answer.content else {}
        return Asked(answer.status_code, body, answer.elapsed.total_seconds(), answer.headers)

    # --- results

    def statuses(self, ids: Iterable[int]) -> dict[int, str]:
        """The statuses of these reservations in the database."""
        query = select(Reservation.id, Reservation.status).where(Reservation.id.in_(list(ids)))
        with self.engine.connect() as connection:
            return {row.id: row.status for row in connection.execute(query)}

    def wait_decided(self, ids: Iterable[int], *, seconds: float = 60) -> dict[int, str]:
        """Wait until all of these are decided; return their statuses."""
        wanted = set(ids)

        def all_decided() -> bool:
            found = self.statuses(wanted)
            return found.keys() == wanted and Status.REQUESTED not in found.values()

        wait_until(all_decided, seconds=seconds, what=f"{len(wanted)} decisions", every=0.05)
        return self.statuses(wanted)

    def pending(self) -> dict[str, int]:
        """Count open work: requests, change requests, freed books, due messages, claimed sends."""
        queries = {
            "requests": select(func.count()).where(Reservation.status == "requested"),
            "wishes": select(func.count()).where(ReservationChange.status == "requested"),
            "freed books": select(func.count()).where(ShiftDay.freed_at.is_not(None)),
            "due messages": select(func.count()).where(
                Message.state == "queued", Message.due_at <= clock.now()
            ),
            "being sent": select(func.count()).where(Message.state == "sending"),
        }
        with self.engine.connect() as connection:
            counted = {what: connection.scalar(query) or 0 for what, query in queries.items()}
        return {what: count for what, count in counted.items() if count}

    def wait_quiet(self, *, seconds: float = 60) -> None:
        """Wait until no work is open. Raises NotReady, naming the open work."""
        try:
            wait_until(lambda: not self.pending(), seconds=seconds, what="no work left", every=0.05)
        except NotReady as error:
            raise NotReady(f"{error}, but {self.pending()}") from None

    def findings(self) -> list[Finding]:
        """The findings of the check, without any grace for open work."""
        with reading(self.engine) as session:
            return findings(session, now=clock.now(), grace_seconds=0)

    def let_claims_expire(self) -> None:
        """Expire the lease of every message being sent, as if its worker had died."""
        with self.engine.begin() as connection:
            connection.execute(
                update(Message)
                .where(Message.state == "sending")
                .values(claimed_until=clock.now() - timedelta(seconds=1))
            )


def _noon() -> time:
    return time(12)


def evening(days: int = 7, *, hour: int = 18) -> datetime:
    """An hour (UTC) some days from now."""
    day = datetime.now(UTC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def next_quarter() -> datetime:
    """The next start on the grid that is at least five minutes away."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    return datetime.fromtimestamp((soon.timestamp() // 900 + 1) * 900, UTC)
