"""The guest pages: book, view, change and cancel without JavaScript."""

import html
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Area, DiningTable, Restaurant
from models.queries.floor.load import forget_restaurants
from tasks.messaging.templates.wording import wording
from tests.api.conftest import Answer, Client, Stand, counted


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def links_of(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', page)]


def details(stand: Stand, *, start: str | None = None) -> Answer:
    query = {"party_size": "2", "area": "", "start": start or stand.start()}
    return stand.client.get("/book/demo", query_string=query, follow_redirects=True)


def submit(client: Client, form: dict[str, str], **changes: str) -> Answer:
    filled = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "", "note": ""}
    return client.post("/book/demo", data=form | filled | changes)


def booked(stand: Stand, **changes: str) -> str:
    """Request a table. Return the path of its manage page."""
    answer = submit(stand.client, fields_of(details(stand).text), **changes)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_the_search_shows_the_starts_of_a_day(stand: Stand) -> None:
    empty = stand.client.get("/book/demo")
    assert empty.status_code == 200
    assert 'name="date"' in empty.text
    day = stand.start()[:10]
    page = stand.client.get("/book/demo", query_string={"party_size": "2", "date": day})
    assert page.status_code == 200
    assert "7:00\xa0PM" in page.text
    assert '<option value="2" selected>' in page.text
    assert f'value="{day}"' in page.text
    (link,) = [link for link in links_of(page.text) if stand.start().replace("+", "%2B") in link]
    chosen = stand.client.get(link, follow_redirects=True)
    assert chosen.status_code == 200
    assert "7:00\xa0PM" in chosen.text
    assert "2 people" in chosen.text


def test_a_room_that_cannot_be_had_is_offered_nowhere(stand: Stand) -> None:
    with transaction(stand.db) as session:
        session.execute(
            update(DiningTable)
            .where(DiningTable.area_id.in_(select(Area.id).where(Area.key == "terrace")))
            .values(online=False)
        )
        session.execute(update(Restaurant).values(revision=Restaurant.revision + 1))
    forget_restaurants()
    page = stand.client.get("/book/demo")
    assert page.status_code == 200
    assert "Terrace" not in page.text
    facts = stand.client.get("/api/v1/restaurants/demo").json
    assert [(area["key"], area["online"]) for area in facts["areas"]] == [
        ("hall", True),
        ("terrace", False),
    ]
    assert f'<option value="{facts["max_party"]}"' in page.text
    assert f'<option value="{facts["max_party"] + 1}"' not in page.text


@pytest.mark.both
def test_a_person_books_a_table(stand: Stand) -> None:
    form = fields_of(details(stand).text)
    assert form["start"] == stand.start()
    assert form["key"]
    answer = submit(stand.client, form, note="by the window")
    assert answer.status_code == 303
    place = answer.headers["Location"]
    waiting = stand.client.get(place)
    assert "We are looking for your table" in waiting.text
    assert 'http-equiv="refresh"' in waiting.text
    stand.decide()
    page = stand.client.get(place)
    assert page.status_code == 200
    assert "Your table is reserved" in page.text
    assert "by the window" in page.text
    assert "http-equiv" not in page.text
    again = submit(stand.client, form, note="by the window")
    assert again.headers["Location"] == f"{place}?again=same"
    assert "You have this table already" in stand.client.get(again.headers["Location"]).text
    assert counted(stand.db)["reservations"] == 1


@pytest.mark.both
def test_going_back_and_pressing_again_shows_the_table(stand: Stand) -> None:
    query = {"party_size": "2", "area": "", "start": stand.start()}
    chosen = stand.client.get("/book/demo", query_string=query)
    assert chosen.status_code == 303
    address = chosen.headers["Location"]
    first = submit(stand.client, fields_of(stand.client.get(address).text))
    stand.decide()
    # the browser's "back" requests the same URL again
    again = submit(stand.client, fields_of(stand.client.get(address).text))
    assert again.headers["Location"] == f"{first.headers['Location']}?again=same"
    stand.decide()
    page = stand.client.get(again.headers["Location"]).text
    assert "You have this table already" in page
    assert "no table" not in page
    rows = counted(stand.db)
    assert (rows["reservations"], rows["reservation_moves"]) == (1, 1)


def test_nobody_learns_from_a_refusal_that_a_contact_has_a_table(staffed: Stand) -> None:
    staffed.confirmed()
    stranger = staffed.confirmed(guest={"name": "Somebody", "email": "ada@example.com"})
    place = f"/api/v1/reservations/{stranger['id']}"
    header = {"Manage-Token": stranger["manage_token"]}
    seen = staffed.client.get(place, headers=header)
    assert (seen.json["status"], seen.json["reason"]) == ("declined", "full")
    page = staffed.client.get(f"/manage/{stranger['manage_token']}").text
    assert "Every table is taken" in page
    assert "another reservation" not in page
    # staff see the actual reason
    assert staffed.client.get(place, headers=staffed.as_staff()).json["reason"] == "same_guest"


def test_a_form_sent_again_with_other_details_asks_first(stand: Stand) -> None:
    form = fields_of(details(stand).text)
    submit(stand.client, form)
    again = submit(stand.client, form, name="Somebody Else")
    assert again.status_code == 422
    assert "sent before" in again.text
    assert fields_of(again.text)["key"] != form["key"]
    assert counted(stand.db)["reservations"] == 1


@pytest.mark.parametrize(
    ("changes", "text", "field"),
    [
        ({"name": " "}, "must not be empty", "name"),
        ({"name": "Ada\x00"}, "control characters", "name"),
        ({"email": "", "phone": ""}, "needs an email or a phone", ""),
        ({"email": "ada.example.com"}, "not an e-mail address", "email"),
        ({"phone": "030 1234567"}, "needs its country code", "phone"),
        ({"note": "x" * 1001}, "at most 1000 characters", "note"),
        ({"party_size": "99"}, "must be at most 8 online", ""),
        ({"party_size": "two"}, "must be at least 1", ""),
        ({"start": "2020-01-01T19:00:00+01:00"}, "is in the past", ""),
        ({"area": "roof"}, "not an area", ""),
    ],
)
def test_errors_stand_beside_their_field_and_values_are_kept(
    stand: Stand, changes: dict[str, str], text: str, field: str
) -> None:
    form = fields_of(details(stand).text)
    before = counted(stand.db)
    page = submit(stand.client, form, **({"name": "Ada <b>", "note": "kept & well"} | changes))
    assert page.status_code == 422, page.text
    assert text in html.unescape(page.text)
    assert 'role="alert"' in page.text
    if field:
        assert f'aria-describedby="{field}-wrong' in page.text
        assert f'id="{field}-wrong"' in page.text
    if "name" not in changes:
        assert "Ada &lt;b&gt;" in page.text
    if "note" not in changes:
        assert "kept &amp; well" in page.text
    assert fields_of(page.text)["key"] == form["key"]
    assert counted(stand.db) == before


def test_what_cannot_be_searched_is_said_beside_the_field(stand: Stand) -> None:
    for query, field in (
        ({"party_size": "two", "date": "2027-05-01"}, "party_size"),
        ({"party_size": "2", "date": "someday"}, "date"),
        ({"party_size": "2", "date": "2027-05-01", "area": "roof"}, "area"),
    ):
        page = stand.client.get("/book/demo", query_string=query)
        assert page.status_code == 422
        assert f'id="{field}-wrong"' in page.text
    bad_start = stand.client.get("/book/demo?party_size=2&start=whenever")
    assert bad_start.status_code == 422
    assert "Choose a time" in bad_start.text


def test_nothing_free_says_so(stand: Stand) -> None:
    day = stand.start(days=400)[:10]
    page = stand.client.get("/book/demo", query_string={"party_size": "2", "date": day})
    assert page.status_code == 200
    assert "No table then" in page.text


@pytest.mark.both
def test_a_guest_changes_party_and_time(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    day = stand.start()[:10]
    page = stand.client.get(f"{place}/change?party_size=4&date={day}")
    assert page.status_code == 200
    assert f'value="{stand.start(20)}"' in html.unescape(page.text)
    wish = {"party_size": "4", "start": stand.start(20), "area": "", "date": day}
    answer = stand.client.post(f"{place}/change", data=wish)
    assert answer.status_code == 303
    assert "You asked to change this to 4 people" in stand.client.get(place).text
    stand.decide()
    after = stand.client.get(place).text
    assert "8:00\xa0PM" in after
    assert "4 people" in after
    assert "You asked" not in after


def change_form(page: str) -> dict[str, str]:
    """Return what the change page's form submits unedited: selects, date and radio."""
    (form,) = re.findall(r"<form.*?</form>", page, re.DOTALL)
    chosen = re.findall(r'<select [^>]*name="(\w+)".*?value="([^"]*)" selected', form, re.DOTALL)
    chosen += re.findall(r'name="(date)"[^>]* value="([^"]*)"', form)
    chosen += re.findall(r'name="(start)" value="([^"]*)" (?:required )?checked', form)
    return dict(chosen)


def test_size_area_and_time_stand_in_one_form(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    form = change_form(stand.client.get(f"{place}/change").text)
    assert form["party_size"] == "2"
    assert form["start"] == stand.start()
    # submitted without loading the times for it first
    wish = form | {"party_size": "6", "area": "terrace", "start": stand.start(20)}
    smaller = wish | {"party_size": "1"}
    looked = stand.client.get(f"{place}/change", query_string=smaller)
    assert change_form(looked.text) == smaller  # "Show times" keeps every choice
    assert stand.client.post(f"{place}/change", data=wish).status_code == 303
    asked = html.unescape(stand.client.get(place).text)
    assert "You asked to change this to 6 people" in asked
    assert "8:00\xa0PM" in asked


def test_a_day_whose_times_were_not_shown_is_asked_about_first(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    other = stand.start(days=4)[:10]
    form = {"party_size": "2", "area": "", "date": other, "start": stand.start()}
    page = stand.client.post(f"{place}/change", data=form)
    assert page.status_code == 422
    assert "Choose a time on that day" in page.text
    assert f'value="{other}"' in page.text
    assert counted(stand.db)["reservation_changes"] == 0


@pytest.mark.parametrize(
    ("locale", "written"), [("en-US", "7:00\xa0PM"), ("en-GB", "19:00"), ("de", "19:00")]
)
def test_pages_write_times_as_the_messages_do(stand: Stand, locale: str, written: str) -> None:
    with transaction(stand.db) as session:
        row = session.get_one(Restaurant, stand.restaurant.id)
        row.locale, row.revision = locale, row.revision + 1
    place = booked(stand)
    stand.decide()
    reservation_page = stand.client.get(place).text
    start = clock.now().fromisoformat(stand.start())
    assert wording(locale, locale).time(start) == written
    assert f" at {written}<" in reservation_page
    english = locale if locale.startswith("en") else "en"  # the pages are in English
    day = wording(english, english).date(start)
    assert f"{day} at {written}<" in reservation_page
    assert f"Times on {day}<" in stand.client.get(f"{place}/change").text
    assert f"{day} at {written}" in details(stand).text
    assert written in stand.client.get(f"{place}/change").text
    assert written in details(stand).text


def test_an_error_names_its_field(stand: Stand) -> None:
    form = fields_of(details(stand).text)
    for wrong, text, field, by in (
        ({"name": ""}, "Name must not be empty.", "name", "name-wrong"),
        ({"email": ""}, "Your contact needs an email or a phone.", "email", "contact-wrong"),
    ):
        page = html.unescape(submit(stand.client, form, **wrong).text)
        assert f'<a href="#{field}">{text}</a>' in page
        assert f'<p class="wrong" id="{by}">{text}</p>' in page
        (tag,) = re.findall(rf'<input id="{field}"[^>]*>', page)
        assert 'aria-invalid="true"' in tag
        assert f'aria-describedby="{by}' in tag


def test_a_change_that_cannot_be_is_said_beside_the_times(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    for wish in (
        {"party_size": "2", "start": ""},
        {"party_size": "2", "start": "2020-01-01T19:00:00Z"},
    ):
        page = stand.client.post(f"{place}/change", data=wish)
        assert page.status_code == 422
        assert 'role="alert"' in page.text
    as_it_is = {"party_size": "2", "start": stand.start(), "area": ""}
    assert stand.client.post(f"{place}/change", data=as_it_is).headers["Location"] == place
    assert counted(stand.db)["reservation_changes"] == 0


@pytest.mark.both
def test_a_guest_corrects_name_and_contact(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    form = {"name": "Ada King", "email": "", "phone": "+44 20 7946 0958", "note": "two chairs"}
    wrong = stand.client.post(f"{place}/details", data=form | {"phone": ""})
    assert wrong.status_code == 422
    assert "Ada King" in wrong.text
    assert stand.client.post(f"{place}/details", data=form).status_code == 303
    page = stand.client.get(place).text
    assert "Ada King" in page
    assert "+442079460958" in page
    assert "ada@example.com" not in page


@pytest.mark.both
def test_cancelling_asks_once_more_and_get_changes_nothing(stand: Stand) -> None:
    place = booked(stand)
    stand.decide()
    before = counted(stand.db)
    for way in ("", "/change", "/details", "/cancel"):
        assert stand.client.get(f"{place}{way}").status_code == 200
    assert counted(stand.db) == before
    assert "Your table is reserved" in stand.client.get(place).text
    assert "Cancel this reser&shy;vation?" in stand.client.get(f"{place}/cancel").text
    assert stand.client.post(f"{place}/cancel").status_code == 303
    assert "This reservation is cancelled" in stand.client.get(place).text
    assert stand.client.post(f"{place}/cancel").status_code == 303
    assert "nothing to cancel" in stand.client.get(f"{place}/cancel").text


def test_a_declined_guest_is_led_back_to_other_times(stand: Stand) -> None:
    stand.confirmed(party_size=6)
    form = fields_of(details(stand).text) | {"party_size": "6"}
    other = {"email": "eve@example.com"}
    place = submit(stand.client, form, waitlist="no", **other).headers["Location"]
    stand.decide()
    page = stand.client.get(place)
    assert "We have no table for you then" in page.text
    others = [link for link in links_of(page.text) if "start=" in link]
    assert others
    assert "Your details" in stand.client.get(others[0], follow_redirects=True).text


def test_a_waitlisted_guest_is_told_so(stand: Stand) -> None:
    stand.confirmed(party_size=6)
    form = fields_of(details(stand).text) | {"party_size": "6"}
    place = submit(stand.client, form, email="eve@example.com").headers["Location"]
    stand.decide()
    assert "You are on the waitlist" in stand.client.get(place).text


def test_private_pages_leave_no_trace(stand: Stand) -> None:
    place = booked(stand)
    for page in (stand.client.get(place), stand.client.get(f"{place}/cancel"), details(stand)):
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        # a page that waits for the answer renews itself by our script; the others run none
        scripts = policy.partition("script-src ")[2].partition(";")[0]
        assert scripts == ("'self'" if 'name="renew"' in page.text else "")
        assert "unsafe" not in policy


def test_pages_carry_no_inline_script_or_style(stand: Stand) -> None:
    place = booked(stand)
    day = stand.start()[:10]
    for way in (
        "/",
        f"/book/demo?date={day}&party_size=2",
        place,
        f"{place}/change",
        f"{place}/details",
        f"{place}/cancel",
        "/manage/forged",
    ):
        text = stand.client.get(way).text
        assert '<html lang="en">' in text
        assert not re.search(r'<script(?! type="module" src="/static/renew.js"></script>)', text)
        assert "<style" not in text
        assert " style=" not in text
        assert not re.search(r"\son\w+=", text)
        assert text.count("<h1") == 1


def test_every_field_has_its_label(stand: Stand) -> None:
    day = stand.start()[:10]
    for page in (stand.client.get(f"/book/demo?date={day}&party_size=2"), details(stand)):
        shown = re.findall(
            r"<(?:input|select|textarea)(?! type=\"hidden\")[^>]* id=\"([^\"]+)\"", page.text
        )
        assert shown
        for name in shown:
            assert f'for="{name}"' in page.text, name


@pytest.mark.parametrize("token", ["forged", "x.y", "%00", "a" * 500, "..%2f..%2fetc"])
def test_a_forged_link_opens_a_page_that_says_so(client: Client, token: str) -> None:
    for way in ("", "/change", "/details", "/cancel"):
        assert client.get(f"/manage/{token}{way}").status_code == 404
    assert client.post(f"/manage/{token}/cancel").status_code == 404


def test_an_unknown_restaurant_is_a_page(client: Client) -> None:
    page = client.get("/book/nowhere")
    assert page.status_code == 404
    assert page.mimetype == "text/html"


def test_the_front_door_leads_to_the_restaurants(stand: Stand, client: Client) -> None:
    links = links_of(client.get("/").text)
    assert "/book/demo" in links
    assert "/docs" in links


def test_a_turned_name_is_shown_as_text(stand: Stand) -> None:
    place = booked(stand, name="<script>alert(1)</script>")
    page: Any = stand.client.get(place)
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
