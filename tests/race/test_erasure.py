"""Erasure beside other work: a contact corrected meanwhile, and many erasures concurrently."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from models.core.settings import settings
from models.operations.guests.erasures import read_erasures
from models.operations.guests.privacy import Erased, erase_guest
from models.operations.reservations.changes import edit_details
from models.rules.reservations.requests import GuestDetails
from tests.operations.evenings import a_stand
from tests.services.running.stand import NOW, STAFF, Stand
from tests.services.running.together import answers, together

pytestmark = pytest.mark.mariadb
ADA = "ada@example.com"


def erase(stand: Stand, contact: str = ADA) -> Erased:
    return stand.do(
        lambda session: erase_guest(session, contact, cancel=True, now=NOW, actor=STAFF)
    )


def test_a_contact_that_is_corrected_meanwhile_is_nobodys_to_erase(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(email=ADA)  # the host had misheard: it was Grace
    grace = GuestDetails("Grace", "grace@example.com")
    seen: list[str] = []

    def correct(_c: Any, _k: Any, statement: str, *_more: Any) -> None:
        if "reservations.email_key = " in statement and not seen:
            seen.append(statement)
            stand.do(lambda s: edit_details(s, number, guest=grace, now=NOW, actor=STAFF))

    event.listen(db, "after_cursor_execute", correct)
    try:
        done = erase(stand)
    finally:
        event.remove(db, "after_cursor_execute", correct)
    assert seen
    assert done.references == ()
    assert (stand.row(number).guest.name, stand.row(number).status) == ("Grace", "confirmed")


def test_many_at_once_erase_each_guest_once(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(email=f"guest{each % 3}@example.com", now=NOW) for each in range(6)]
    contacts = [f"guest{each % 3}@example.com" for each in range(9)]
    done = answers(together(lambda contact: erase(stand, contact), contacts))
    erased = sorted(reference for each in done for reference in each.references)
    assert erased == sorted(stand.row(number).reference for number in numbers)
    assert {stand.row(number).guest.name for number in numbers} == {"erased"}
    assert len(read_erasures(settings().erasures_file).lines) >= 3
