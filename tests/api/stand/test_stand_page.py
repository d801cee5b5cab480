"""The host stand's pages as the server renders them: what is shown, in which language, how fast."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core import clock
from tasks.messaging.templates.wording import LANGUAGES
from tests.api.conftest import Client, Stand
from tests.api.stand.test_stand_sign_in import enter
from tests.architecture.tree import ROOT
from tests.services.running.restaurant import OpenRestaurant
from web.pages.stand.page import words_of

#: names that templates put together, as patterns
MADE = re.compile(r"""t\[\s*'([a-z_]+)' \+""")
USED = re.compile(r"\bt\.([a-z_]+)")
SAID = re.compile(r"""\bsay\("([\w-]+)\"""")


def day_of(made: dict[str, Any]) -> str:
    return str(made["start"])[:10]


def test_every_text_is_there_in_every_language() -> None:
    names = set(words_of("en"))
    for language in LANGUAGES:
        texts = words_of(language)
        assert set(texts) == names, language
        assert all(texts.values()), language
        for name in names:  # the same values are filled in
            wanted = sorted(re.findall(r"\{\w+\}", words_of("en")[name]))
            assert sorted(re.findall(r"\{\w+\}", texts[name])) == wanted, (language, name)


def test_no_text_is_named_as_a_method_of_the_texts() -> None:
    """A template would show the method in its place."""
    assert [name for name in words_of("en") if hasattr(dict, name)] == []


def test_every_text_that_a_page_asks_for_exists() -> None:
    names, templates = set(words_of("en")), (ROOT / "web/templates/stand").glob("*.html")
    scripts = (ROOT / "web/static/stand").glob("*.js")
    text = "\n".join(path.read_text(encoding="utf-8") for path in templates)
    assert not set(USED.findall(text)) - names
    assert not [
        start for start in MADE.findall(text) if not any(n.startswith(start) for n in names)
    ]
    said = {f"js_{name}" for path in scripts for name in SAID.findall(path.read_text())}
    assert len(said) > 5
    assert not said - names


@pytest.fixture
def at_its_start(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """`at_its_start(made)` moves the clock to the start of a reservation."""

    def move(made: dict[str, Any]) -> None:
        start = datetime.fromisoformat(made["start"]).astimezone(UTC)
        monkeypatch.setattr(clock, "now", lambda: start)

    return move


AtStart = Callable[[dict[str, Any]], None]


def test_a_party_stands_in_its_section_with_its_next_step(
    staffed: Stand, at_its_start: AtStart
) -> None:
    made = staffed.confirmed(note="By the window")
    enter(staffed.client)
    early = staffed.client.get(f"/stand/demo?date={day_of(made)}").text
    assert "Ada Lovelace" in early and "data-verb" not in early  # not for today
    at_its_start(made)
    page = staffed.client.get(f"/stand/demo?date={day_of(made)}").text
    line = re.search(rf'<li id="r{made["id"]}".*?</li>', page, re.DOTALL)
    assert line is not None
    assert "Ada Lovelace" in line[0] and "By the window" in line[0]
    assert 'data-verb="arrive"' in line[0]


def test_a_viewer_sees_the_book_and_no_verbs(staffed: Stand) -> None:
    made = staffed.confirmed()
    enter(staffed.client, "viewer")
    page = staffed.client.get(f"/stand/demo?date={day_of(made)}").text
    assert "Ada Lovelace" in page
    assert "data-verb" not in page and 'data-open="booking"' not in page


def test_looking_at_the_stand_is_audited(staffed: Stand) -> None:
    made = staffed.confirmed()
    enter(staffed.client)
    staffed.client.get(f"/stand/demo?date={day_of(made)}")
    audit = staffed.client.get("/api/v1/restaurants/demo/audit", headers=staffed.as_staff("owner"))
    assert ("book.read", [day_of(made)]) in [
        (entry["action"], entry["about"]) for entry in audit.json["entries"]
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_speaks_the_language_of_the_browser(staffed: Stand, language: str) -> None:
    made = staffed.confirmed()
    enter(staffed.client)
    page = staffed.client.get(
        f"/stand/demo?date={day_of(made)}", headers={"Accept-Language": language}
    ).text
    assert f'<html lang="{language}"' in page
    assert words_of(language)["section_coming"] in page


def test_names_are_text_and_never_markup(staffed: Stand) -> None:
    made = staffed.confirmed(guest={"name": "<b onclick=x>'\"", "email": "a@example.com"})
    enter(staffed.client)
    page = staffed.client.get(f"/stand/demo?date={day_of(made)}").text
    assert "<b onclick" not in page and "&lt;b onclick=x&gt;&#39;&#34;" in page


@pytest.mark.parametrize("view", ["", "/timeline", "/floor"])
def test_a_view_asks_as_many_queries_however_full_the_day(
    staffed: Stand, query_counter: Callable[[], Any], view: str
) -> None:
    enter(staffed.client)
    made = [staffed.confirmed(start=staffed.start(18, 15 * n)) for n in range(2)]
    path = f"/stand/demo{view}?date={day_of(made[0])}"
    staffed.client.get(path)  # this hour's entry in the audit
    with query_counter() as few:
        staffed.client.get(path)
    guests = [f"g{n}@example.com" for n in range(3)]
    for n, email in enumerate(guests):
        staffed.confirmed(start=staffed.start(20, 15 * n), guest={"name": "G", "email": email})
    with query_counter() as many:
        staffed.client.get(path)
    assert few.count == many.count


@pytest.mark.parametrize("view", ["", "/timeline", "/floor", "/print"])
def test_each_view_shows_the_party(staffed: Stand, view: str) -> None:
    made = staffed.confirmed()
    enter(staffed.client)
    page = staffed.client.get(f"/stand/demo{view}?date={day_of(made)}")
    assert page.status_code == 200
    assert "Lovelace" in page.text
    assert "style=" not in page.text


def test_all_that_a_page_opens_is_there(staffed: Stand) -> None:
    made = staffed.confirmed()
    enter(staffed.client, "manager")
    day = day_of(made)
    page = staffed.client.get(f"/stand/demo?date={day}").text
    names = set(re.findall(r'data-open="([a-z-]+)"', page))
    assert names == {"booking", "evening", "keys", "requests"}  # a walk-in is for today alone
    for name in names | {"walk-in"}:
        panel = staffed.client.get(f"/stand/demo/{name}?date={day}")
        assert 'id="panel-content"' in panel.text, name


def test_the_menu_has_the_qr_code_where_guests_may_join_by_the_link(
    client: Client,
    restaurant: Callable[..., OpenRestaurant],
    make_account: Callable[..., int],
    db: Engine,
) -> None:
    stand = Stand(client, restaurant(policies={"door_online": True}), db)
    make_account("host@example.com", {stand.restaurant.id: "host"})
    enter(client)
    (path,) = re.findall(r'href="([^"]*/door-notice)"', client.get("/stand/demo").text)
    notice = client.get(path, headers={"Accept-Language": "de"})
    assert notice.status_code == 200
    assert 'lang="de"' in notice.text and "Auf einen Tisch warten" in notice.text
    assert "/door/demo</p>" in notice.text  # for a phone that reads no code
    (code,) = re.findall(r'src="([^"]*/door/qr.svg)"', notice.text)
    assert client.get(code).mimetype == "image/svg+xml"


def test_a_day_without_a_shift_has_its_pages_too(staffed: Stand) -> None:
    enter(staffed.client)
    for view in ("", "/timeline", "/floor", "/print", "/booking?size=2"):
        path = f"/stand/demo{view}{'&' if '?' in view else '?'}date=1999-01-01"
        assert staffed.client.get(path).status_code == 200, path


def test_the_csv_holds_no_formula_and_is_for_who_may_export(staffed: Stand) -> None:
    made = staffed.confirmed(guest={"name": "=1+1", "email": "a@example.com"})
    path = f"/stand/demo/day.csv?date={day_of(made)}"
    enter(staffed.client)
    assert staffed.client.get(path).status_code == 403
    enter(staffed.client, "manager")
    answer = staffed.client.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert ",'=1+1," in answer.text and made["reference"] in answer.text


def test_a_walk_in_is_offered_the_smallest_free_table_first(staffed: Stand) -> None:
    made = staffed.confirmed()
    enter(staffed.client)
    day = day_of(made)
    start = staffed.start().replace("+", "%2B")
    page = staffed.client.get(f"/stand/demo/booking?date={day}&size=2&start={start}").text
    offered = re.findall(r'<option value="([^"]*)"', page)
    assert offered[:2] == ["", "2"]  # table 1 is the party's
    late = staffed.client.get(f"/stand/demo/booking?date={day}&size=2").text
    assert "time-choice" in late


def test_the_panel_names_a_party_of_this_restaurant_only(
    staffed: Stand, at_its_start: AtStart
) -> None:
    made = staffed.confirmed()
    at_its_start(made)
    enter(staffed.client)
    path = f"/stand/demo/party/{made['id']}?date={day_of(made)}"
    page = staffed.client.get(path).text
    assert "ada@example.com" in page and 'data-verb="no-show"' in page
    assert staffed.client.get("/stand/demo/party/999").status_code == 404


def panel(staffed: Stand, made: dict[str, Any], role: str = "manager", more: str = "") -> str:
    enter(staffed.client, role)
    page = staffed.client.get(f"/stand/demo/party/{made['id']}{more}?date={day_of(made)}")
    assert page.status_code == 200, page.text
    return str(page.text)


def verb(staffed: Stand, made: dict[str, Any], name: str, body: dict[str, Any]) -> None:
    path = f"/api/v1/reservations/{made['id']}/{name}"
    answer = staffed.client.post(path, json=body, headers=staffed.as_staff("manager"))
    assert answer.status_code == 200, answer.text


def test_the_panel_has_a_control_for_each_verb_of_a_coming_party(
    staffed: Stand, at_its_start: AtStart
) -> None:
    made = staffed.confirmed(party_size=4)
    at_its_start(made)
    page = panel(staffed, made)
    for name in ("arrive", "seat", "no-show", "cancel", "lock", "late"):
        assert f'data-verb="{name}"' in page, name
    for part in ('data-propose="extend"', "data-assign", "data-by-hand", "data-change"):
        assert part in page, part
    assert "covers&#34;: 3" in page or '"covers": 3' in page  # three of four are here
    assert 'data-force="squeeze overlap"' in page
    assert 'data-force=""' in panel(staffed, made, "host")


def test_parties_with_tables_can_be_swapped(staffed: Stand) -> None:
    made = staffed.confirmed()
    guest = {"name": "Grace Hopper", "email": "grace@example.com"}
    other = staffed.confirmed(guest=guest)
    page = panel(staffed, made)
    assert f'<option value="{other["id"]}">' in page and "Grace Hopper" in page
    assert f'<option value="{made["id"]}">' not in page


def test_the_panel_says_what_the_staff_know_of_a_party(staffed: Stand) -> None:
    made = staffed.confirmed()
    details = {"allergies": "Nuts", "occasion": "Birthday", "vip": True, "tags": ["regular"]}
    path = f"/api/v1/reservations/{made['id']}"
    answer = staffed.client.patch(path, json={"details": details}, headers=staffed.as_staff())
    assert answer.status_code == 200, answer.text
    verb(staffed, made, "lock", {})
    page = panel(staffed, made)
    assert "Nuts" in page and "Birthday" in page and 'value="regular"' in page
    assert 'data-verb="unlock"' in page
    enter(staffed.client)
    line = staffed.client.get(f"/stand/demo?date={day_of(made)}").text
    for flag in ("allergy", "occasion", "vip", "tag"):
        assert f'class="flag {flag}"' in line, flag
    assert 'class="lock"' in line


def test_the_history_says_who_moved_a_party(staffed: Stand) -> None:
    made = staffed.confirmed()
    verb(staffed, made, "assign", {"tables": ["2"]})
    page = panel(staffed, made, more="/history")
    assert "Table chosen" in page and "1 → 2" in page
    assert "manager@example.com" in page
