"""A flood from one address while the host stand works: `python -m tests.bench.flood [SECONDS]`.

wrk requests tables and availability from the web process as fast as it answers, from 127.0.0.1;
staff read the book from 127.0.0.2. Prints the flood's answers, the staff's waiting times, and the
memory of the web process. Exits with 1 when staff waited for a second or more, when an answer was
not 2xx or 429 (409 and 422 are decisions too), or when the memory grew by more than a fifth.
"""

import re
import subprocess
import sys
import threading
import time
from typing import Final

import httpx
import psutil
from sqlalchemy import create_engine

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from tests.bench.ground import Ground, ground, settle
from tests.bench.load import percentile
from tests.services.running.restaurant import open_restaurant

PASSWORD: Final = "only for tests, and long"
CONNECTIONS: Final = 64
#: requests a table for another guest each time, and availability in between
SCRIPT: Final = """
local number = 0
request = function()
  number = number + 1
  if number % 2 == 0 then return wrk.format("GET", "/api/v1/restaurants/demo", {}) end
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = "k" .. number}
  local body = '{"party_size":2,"start":"START","guest":{"name":"F","email":"f' .. number ..
    '@example.com"}}'
  return wrk.format("POST", "/api/v1/restaurants/demo/reservations", headers, body)
end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
init = function() statuses = "" found = {} end
response = function(status)
  found[status] = (found[status] or 0) + 1
  statuses = ""
  for code, count in pairs(found) do statuses = statuses .. code .. "=" .. count .. " " end
end
done = function()
  for _, thread in ipairs(threads) do print("statuses " .. thread:get("statuses")) end
end
"""


class HostStand:
    """Staff who read the book repeatedly, from an address of their own."""

    def __init__(self, port: int) -> None:
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=30
        )
        signed = self.client.post(
            "/api/v1/auth/sign-in", json={"email": "host@example.com", "password": PASSWORD}
        )
        token = signed.raise_for_status().json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.seconds: list[float] = []
        self.statuses: set[int] = set()

    def work(self, until: float) -> None:
        """Five calls per second until then (monotonic seconds)."""
        day = clock.now().date().isoformat()
        while time.monotonic() < until:
            begun = time.monotonic()
            answer = self.client.get("/api/v1/restaurants/demo/book", params={"date": day})
            self.seconds.append(time.monotonic() - begun)
            self.statuses.add(answer.status_code)
            time.sleep(0.2)


def flood(bench: Ground, seconds: int, start: str) -> dict[int, int]:
    """Run wrk with the script; return the answers by status."""
    script = bench.folder / "flood.lua"
    script.write_text(SCRIPT.replace("START", start), encoding="ascii")
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    done = subprocess.run(
        [*argv, f"http://127.0.0.1:{bench.port}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    found: dict[int, int] = {}
    for line in re.findall(r"^statuses (.*)$", done.stdout, re.MULTILINE):
        for code, count in re.findall(r"(\d+)=(\d+)", line):
            found[int(code)] = found.get(int(code), 0) + int(count)
    return found


def _prepare(bench: Ground) -> None:
    bind = create_engine(bench.env["DATABASE_URL"])
    restaurant = open_restaurant(bind)
    with transaction(bind) as session:
        account = create_account(
            session,
            "host@example.com",
            name="",
            password_hash=hash_password(PASSWORD),
            now=clock.now(),
        )
        grant_role(session, account, restaurant_id=restaurant.id, role=Role.HOST)
    bind.dispose()


def _memory(bench: Ground) -> float:
    web = psutil.Process(bench.processes["web"].pid)
    return sum(each.memory_info().rss for each in [web, *web.children(recursive=True)]) / 1e6


def main(seconds: int) -> int:
    """Run the flood; return 1 when a promise was broken."""
    with ground() as bench:
        bench.env["RATE_LIMITS"] = "on"
        _prepare(bench)
        bench.start_web()
        stand = HostStand(bench.port)
        day = clock.now().date().replace(year=clock.now().year + 1).isoformat()
        flood(bench, 3, f"{day}T19:00:00+01:00")  # warm-up
        settle()
        before = _memory(bench)
        staff = threading.Thread(target=stand.work, args=(time.monotonic() + seconds,))
        staff.start()
        found = flood(bench, seconds, f"{day}T19:00:00+01:00")
        staff.join()
        after = _memory(bench)
    worst = percentile(stand.seconds, 0.99)
    print(
        f"flood, {CONNECTIONS} lines, {seconds} s: {sum(found.values()) / seconds:,.0f}/s {found}"
    )
    print(f"staff: {len(stand.seconds)} calls, {stand.statuses}, p99 {worst * 1e3:.0f} ms")
    print(f"web process: {before:.0f} MB before, {after:.0f} MB after")
    # 409: the same table was requested; none of them may be a server error
    well = set(found) <= {200, 202, 409, 422, 429} and stand.statuses == {200}
    return 0 if well and worst < 1 and after < before * 1.2 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
