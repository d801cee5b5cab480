"""Confirmation by link: opening it changes nothing, its button confirms; attacks over HTTP."""

import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Reservation, Restaurant
from models.operations.stand.unconfirmed import release_unconfirmed
from tasks.messages import deliver
from tests.api.conftest import Stand
from tests.services.running import surroundings
from tests.services.running.restaurant import open_restaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer
from web.app import create_app

TABLES = {str(number): ("hall", 1, 4) for number in range(1, 35)}
GUEST = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+4930123456"}


@pytest.fixture
def asking(stand: Stand) -> Stand:
    """A restaurant where guests with unconfirmed contacts must confirm by link."""
    with transaction(stand.db) as session:
        policies = {"confirm_by_link": True, "pacing": {"covers": None}}
        session.execute(update(Restaurant).values(policies=policies, revision=99))
    return stand


def row_of(stand: Stand, made: dict[str, Any]) -> Reservation:
    with Session(stand.db) as session:
        return session.get_one(Reservation, int(made["id"]))


def link_in(text: str) -> str:
    found = re.search(r"/manage/[^\s\"<]+", text)
    assert found is not None
    return found[0]


@pytest.mark.both
def test_the_link_shows_a_button_and_the_button_confirms(asking: Stand, mailbox: Mailbox) -> None:
    made = asking.confirmed(guest=GUEST)
    place, header = f"/api/v1/reservations/{made['id']}", {"Manage-Token": made["manage_token"]}
    assert asking.client.get(place, headers=header).json["confirm_by"] is not None
    # the requester's own link has no code, and so no button
    own = asking.client.get(f"/manage/{made['manage_token']}").text
    assert "Please confirm your table" in own and "/confirm" not in own
    deliver()
    (mail,) = mailbox.mails()
    assert mail.subject.startswith("Please confirm your table at")
    assert "text/calendar" not in str(mail.message)
    link = link_in(mail.text)
    before = row_of(asking, made)
    for _ in range(2):  # a mail scanner, and the guest
        page = asking.client.get(link)
        assert page.status_code == 200 and "Yes, I confirm it" in page.text
    after = row_of(asking, made)
    assert (after.confirm_by, after.revision) == (before.confirm_by, before.revision)
    assert after.email_proved_at is None
    action = link.partition("?")[0] + "/confirm"
    wrong = asking.client.post(action, data={"k": "ABCDEFGHI"})
    assert wrong.status_code == 303 and row_of(asking, made).confirm_by is not None
    for _ in range(2):
        done = asking.client.post(action, data={"k": link.partition("?k=")[2]})
        assert done.status_code == 303
    row = row_of(asking, made)
    assert (row.confirm_by, row.status, row.revision) == (None, "confirmed", before.revision + 1)
    assert "Your table is reserved" in asking.client.get(done.headers["Location"]).text
    assert asking.client.get(place, headers=header).json["confirm_by"] is None
    deliver()
    assert mailbox.mails()[-1].subject.startswith("Your table at")
    assert "text/calendar" in str(mailbox.mails()[-1].message)


@pytest.mark.both
def test_an_unconfirmed_guest_reads_the_reason(asking: Stand, mailbox: Mailbox) -> None:
    made = asking.confirmed(guest=GUEST)
    deliver()
    with transaction(asking.db) as session:
        session.execute(update(Reservation).values(confirm_by=clock.now()))
    with transaction(asking.db) as session:
        assert release_unconfirmed(session, now=clock.now(), limit=9) == 1
    page = asking.client.get(f"/manage/{made['manage_token']}")
    assert "This reservation was not confirmed" in page.text
    deliver()
    assert "not confirmed by the link" in mailbox.mails()[-1].text
    assert len(mailbox.mails()) == 2


@pytest.mark.both
def test_one_address_does_not_fill_a_restaurant_with_made_up_contacts(
    service_env: dict[str, str],
    db: Engine,
    asking: Stand,
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the default limits: one address, many addresses, and many with confirmed contacts."""
    env = service_env | {"RATE_LIMITS": "on", "REDIS_URL": redis.url, "TRUSTED_PROXIES": "1"}
    surroundings.settle(monkeypatch, env)
    asking.client = create_app().test_client()
    open_policies = {"pacing": {"covers": None}}
    figures = {}
    for slug, policies, addresses in (
        ("one", open_policies, 1),
        ("many", open_policies, 40),
        ("proving", open_policies | {"confirm_by_link": True}, 40),
    ):
        asking.restaurant = open_restaurant(db, slug=slug, tables=TABLES, policies=policies)
        for number in range(40):
            body = asking.body(party_size=4, guest={"name": "X", "email": f"{slug}{number}@x.org"})
            asking.client.post(
                f"/api/v1/restaurants/{slug}/reservations",
                json=body,
                headers={
                    "Idempotency-Key": f"{slug}-{number}",
                    "X-Forwarded-For": f"198.51.100.{number % addresses + 1}",
                },
            )
        asking.decide()
        query = select(Reservation.status).where(Reservation.restaurant_id == asking.restaurant.id)
        with Session(db) as session:
            figures[slug] = Counter(session.scalars(query))["confirmed"]
    print(f"of 34 tables: {figures}")
    assert figures == {"one": 12, "many": 34, "proving": 17}
