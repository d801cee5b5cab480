"""The guest book's pages on the stand, as the server renders them."""

import re

import pytest

from tasks.messaging.templates.wording import LANGUAGES
from tests.api.conftest import Answer, Stand
from tests.api.stand.test_guest_book import ADA, act, audited, file_all, filed, patch
from tests.api.stand.test_stand_sign_in import OWN, enter, token_of
from web.pages.stand.page import words_of

GUESTS = "/stand/demo/guests"


def found(stand: Stand, text: str) -> Answer:
    token = token_of(stand.client.application, stand.client)
    form = {"text": text, "page_token": token}
    return stand.client.post(GUESTS, data=form, headers=OWN)


def test_a_guest_is_found_on_the_page_with_the_contact_masked(staffed: Stand) -> None:
    guest = filed(staffed)
    patch(staffed, guest, vip=True, allergies="nuts", tags=["regular"])
    act(staffed, f"{guest}/block")
    enter(staffed.client)
    empty = staffed.client.get(GUESTS)
    assert (empty.status_code, "Lovelace" in empty.text) == (200, False)
    page = found(staffed, "lovel").text
    shown = re.sub(r"<[^>]+>", " ", page)
    for text in ("Ada Lovelace", "...3456", "a...@example.com", "nuts", "#regular", "VIP"):
        assert text in shown
    assert words_of("en")["guest_blocked"] in shown and "ada@example.com" not in page
    for text in ("byron", "not an@address@", "lo", ""):
        assert "Lovelace" not in found(staffed, text).text
    texts = words_of("en")
    assert texts["guests_short"] in found(staffed, "lo").text
    assert texts["guests_nobody"] in found(staffed, "byron").text
    assert staffed.client.post(GUESTS, data={"text": "ada"}, headers=OWN).status_code == 403


def test_a_record_opens_on_the_page_and_is_audited(staffed: Stand) -> None:
    guest = filed(staffed)
    act(staffed, f"{guest}/notes", text="likes <b>the window</b>")
    enter(staffed.client)
    before = len(audited(staffed))
    page = staffed.client.get(f"{GUESTS}/{guest}")
    assert page.status_code == 200
    assert "likes &lt;b&gt;the window&lt;/b&gt;" in page.text
    assert "ada@example.com" in page.text and "+4930123456" in page.text
    assert 'data-guest-act="/notes"' in page.text
    assert 'data-guest-act="/block"' not in page.text  # a host may not
    new = audited(staffed)[: len(audited(staffed)) - before]
    assert ("guest.opened", [f"guest {guest}"]) in new
    assert staffed.client.get(f"{GUESTS}/999999").status_code == 404


def test_a_manager_gets_the_way_back_of_what_keeps_a_guest_from_booking(staffed: Stand) -> None:
    guest = filed(staffed)
    enter(staffed.client, "manager")
    assert 'data-guest-act="/block"' in staffed.client.get(f"{GUESTS}/{guest}").text
    act(staffed, f"{guest}/block", reason="left without paying")
    page = staffed.client.get(f"{GUESTS}/{guest}").text
    assert "left without paying" in page and 'data-guest-act="/unblock"' in page


def test_two_records_of_one_reservation_are_proposed_for_a_merge(staffed: Stand) -> None:
    mine = filed(staffed, phone=None)
    other = filed(staffed, name="A. King", email="a@king.uk", phone="+49 30 777777")
    staffed.confirmed(guest=ADA | {"phone": "+49 30 777777"}, start=staffed.start(days=6))
    file_all(staffed)
    enter(staffed.client, "manager")
    page = staffed.client.get(f"{GUESTS}/{mine}").text
    assert f'data-go="guests/{other}"' in page and "A. King" in page
    act(staffed, f"{mine}/merge", guest=other)
    assert 'data-guest-act="/unmerge"' in staffed.client.get(f"{GUESTS}/{mine}").text


def test_a_party_leads_to_its_guest_and_one_without_contact_to_nobody(staffed: Stand) -> None:
    made = staffed.confirmed(guest=ADA)
    enter(staffed.client)
    path = f"{GUESTS}/of/{made['id']}"
    assert words_of("en")["guest_none"] in staffed.client.get(path).text  # not filed yet
    file_all(staffed)
    assert "ada@example.com" in staffed.client.get(path).text
    party = f"/stand/demo/party/{made['id']}?date={made['start'][:10]}"
    assert f'data-go="guests/of/{made["id"]}"' in staffed.client.get(party).text
    enter(staffed.client, "viewer")
    assert "guests/of/" not in staffed.client.get(party).text
    assert staffed.client.get(path).status_code == 403


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guest_book_speaks_the_language_of_the_browser(staffed: Stand, language: str) -> None:
    guest = filed(staffed)
    enter(staffed.client)
    said = {"Accept-Language": language}
    page = staffed.client.get(f"{GUESTS}/{guest}", headers=said).text
    assert f'<html lang="{language}"' in page and words_of(language)["guest_notes"] in page
    assert words_of(language)["guests_hint"] in staffed.client.get(GUESTS, headers=said).text
