"""Messages to unconfirmed contacts are limited, and only a contact's owner speaks for it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.secrets.signing import confirmation_code
from models.entities import Message, Reservation
from models.operations.reservations.contact_proofs import confirm_contact
from tasks.messages import deliver
from tests.api.conftest import Stand, counted
from tests.services.servers.mailbox import Mailbox

NASTY, NOTE = "Win Cash At Evil", "call 0900 123456 now"
VICTIM = {"name": NASTY, "email": "victim@example.com"}
YES = {"given": True, "wording": "shop-3"}
NO = {"given": False, "wording": "shop-3"}


def sent(mailbox: Mailbox) -> list[str]:
    """Return every mail so far as text, headers included."""
    deliver()
    return [str(mail.message) for mail in mailbox.mails()]


def link_in(text: str) -> str:
    found = re.search(r"/manage/[^\s\"<]+", text)
    assert found is not None
    return found[0]


def consents(stand: Stand, made: dict[str, Any], *, by_staff: bool = False) -> list[Any]:
    header = stand.as_staff() if by_staff else {"Manage-Token": made["manage_token"]}
    answer = stand.client.get(f"/api/v1/reservations/{made['id']}/consent", headers=header)
    return [(each["channel"], each["given"]) for each in answer.json["consents"]]


def proved(made: dict[str, Any]) -> list[str]:
    """Return the channels whose contact has opened its link."""
    with reading() as session:
        row = session.get_one(Reservation, int(made["id"]))
        since = {"email": row.email_proved_at, "sms": row.phone_proved_at}
    return [channel for channel, moment in since.items() if moment]


@pytest.mark.both
def test_a_strangers_words_are_in_no_mail_before_the_link_was_opened(
    stand: Stand, mailbox: Mailbox
) -> None:
    made = stand.confirmed(guest=VICTIM, note=NOTE)
    (mail,) = sent(mailbox)
    plain = mailbox.mails()[0].text
    # shorter words occur by chance in a link or an encoded part
    for word in (*filter(lambda each: len(each) > 3, NASTY.split()), "0900"):
        assert word not in mail and word not in plain
    assert plain.startswith("Dear guest,")
    assert made["reference"] in plain
    link = link_in(plain)
    assert "?k=" in link and "?k=" not in made["manage_url"]
    opened = stand.client.get(link)
    assert opened.status_code == 303 and "?k=" not in opened.headers["Location"]
    assert proved(made) == ["email"]
    # from now on the contact is confirmed
    place = f"/api/v1/reservations/{made['id']}"
    stand.client.patch(
        place, json={"party_size": 3}, headers={"Manage-Token": made["manage_token"]}
    )
    stand.decide()
    assert NASTY in sent(mailbox)[-1]
    assert "?k=" not in mailbox.mails()[-1].text


def test_what_the_staff_write_down_is_theirs_to_say(staffed: Stand, mailbox: Mailbox) -> None:
    header = staffed.as_staff() | {"Idempotency-Key": "k"}
    place = "/api/v1/restaurants/demo/book/reservations"
    made = staffed.client.post(place, json=staffed.body(), headers=header)
    assert made.status_code == 201
    sent(mailbox)
    assert mailbox.mails()[0].text.startswith("Dear Ada Lovelace,")


def test_the_requester_cannot_prove_somebody_elses_contact(stand: Stand) -> None:
    made = stand.confirmed(guest=VICTIM)
    for code in ("x", "ABCDEFGHJ", confirmation_code(int(made["id"]), "other@example.com")):
        assert stand.client.get(f"/manage/{made['manage_token']}?k={code}").status_code == 303
        assert proved(made) == []
    link = f"/manage/{made['manage_token']}?k={confirmation_code(int(made['id']), VICTIM['email'])}"
    stand.client.head(link)
    stand.client.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
    assert proved(made) == []
    stand.client.get(link)
    assert proved(made) == ["email"]


def test_each_contact_proves_itself(stand: Stand) -> None:
    made = stand.confirmed(
        guest={"name": "Eve", "email": "eve@example.com", "phone": "+4930123456"}
    )
    code = confirmation_code(int(made["id"]), "eve@example.com")
    stand.client.get(f"/manage/{made['manage_token']}?k={code}")
    assert proved(made) == ["email"]


def test_another_contact_has_proved_nothing_yet(stand: Stand) -> None:
    made = stand.confirmed(guest={"name": "Eve", "email": "eve@example.com"})
    stand.prove(made)
    place = f"/api/v1/reservations/{made['id']}"
    changed = {"guest": {"email": VICTIM["email"]}}
    stand.client.patch(place, json=changed, headers={"Manage-Token": made["manage_token"]})
    assert proved(made) == []


@pytest.mark.both
def test_a_stranger_neither_reads_nor_changes_a_contacts_consent(staffed: Stand) -> None:
    own = staffed.confirmed(guest=VICTIM, marketing=YES)
    staffed.prove(own)
    assert consents(staffed, own) == [("email", True)]
    foreign = staffed.confirmed(guest=VICTIM, start=staffed.start(days=5), marketing=NO)
    # its link shows only the consent given with it
    assert consents(staffed, foreign) == [("email", False)]
    silent = staffed.confirmed(guest=VICTIM, start=staffed.start(days=7))
    assert consents(staffed, silent) == []
    header = {"Manage-Token": foreign["manage_token"]}
    place = f"/api/v1/reservations/{foreign['id']}/consent"
    assert staffed.client.post(place, json=NO, headers=header).status_code == 200
    assert consents(staffed, own) == consents(staffed, own, by_staff=True) == [("email", True)]
    # nor when the guest opens that link: the contact's own answer stands
    staffed.prove(foreign)
    assert consents(staffed, own) == [("email", True)]
    # from then on the guest's own answer counts
    staffed.client.post(place, json=NO, headers=header)
    assert consents(staffed, own) == [("email", False)]


def test_a_consent_waits_for_the_link(staffed: Stand) -> None:
    made = staffed.confirmed(guest=VICTIM, marketing=YES)
    assert counted(staffed.db)["consents"] == 0
    assert consents(staffed, made, by_staff=True) == []
    staffed.prove(made)
    assert consents(staffed, made, by_staff=True) == [("email", True)]
    staffed.prove(made)
    assert counted(staffed.db)["consents"] == 1


def test_nobody_learns_whether_a_contact_has_a_table(staffed: Stand, mailbox: Mailbox) -> None:
    staffed.confirmed(guest=VICTIM)
    asked = staffed.confirmed(guest=VICTIM, start=staffed.start(20))
    place = f"/api/v1/reservations/{asked['id']}"
    seen = staffed.client.get(place, headers={"Manage-Token": asked["manage_token"]}).json
    assert (seen["status"], seen["reason"]) == ("declined", "full")
    page = staffed.client.get(f"/manage/{asked['manage_token']}").text
    assert "another reservation" not in page
    assert staffed.client.get(place, headers=staffed.as_staff()).json["reason"] == "same_guest"
    # the contact itself is notified
    sent(mailbox)
    assert any("a table already" in mail.text for mail in mailbox.mails())


def test_a_contact_that_was_edited_meanwhile_is_not_proved(stand: Stand) -> None:
    made = stand.confirmed(guest=VICTIM)
    code = confirmation_code(int(made["id"]), VICTIM["email"])
    place = f"/api/v1/reservations/{made['id']}"
    changed = {"guest": {"email": "other@example.com"}}
    stand.client.patch(place, json=changed, headers={"Manage-Token": made["manage_token"]})
    now = clock.now() + timedelta(seconds=1)
    with transaction() as session:
        assert not confirm_contact(session, int(made["id"]), code, now=now)
        assert not confirm_contact(session, 999, code, now=now)


def test_a_flood_of_moves_is_a_handful_of_mails(stand: Stand, mailbox: Mailbox) -> None:
    made = stand.confirmed(guest=VICTIM)
    place, token = f"/api/v1/reservations/{made['id']}", {"Manage-Token": made["manage_token"]}
    for number in range(8):
        stand.client.patch(place, json={"party_size": 2 + number % 2}, headers=token)
        stand.decide()
    sent(mailbox)
    with reading() as session:
        states = session.scalars(select(Message.state).where(Message.kind == "changed")).all()
    assert states.count("skipped") >= 6, "what nobody has sent yet is replaced by what came later"
    assert len(mailbox.mails()) <= 2
