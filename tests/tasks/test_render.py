"""Texts: five languages, every kind, safe in HTML, short in an SMS."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.core.secrets.signing import read_manage_token
from models.queries.messages.changes import RefusedChange
from models.queries.messages.outgoing import Outgoing
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import Kind
from tasks.messaging.channels.gsm7 import beyond_gsm7, fold, is_gsm7, segments
from tasks.messaging.templates.render import render_letter, render_sms
from tasks.messaging.templates.wording import LANGUAGES, local, wording
from tests.services.running import surroundings
from tests.tasks.mail_order import AN_OUTGOING, FRIDAY, outgoing

SCRIPT = "<script>alert('x')</script>"
#: Carriers treat these as an opt-out or an opt-in.
CARRIER_WORDS = re.compile(r"\b(CANCEL|END|QUIT|YES|STOP|START)\b", re.IGNORECASE)


@pytest.fixture(autouse=True)
def public_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    values = surroundings.environment(tmp_path, database_url="sqlite://")
    url = {"PUBLIC_URL": "https://tables.example.com"}
    surroundings.settle(monkeypatch, values | url)
    yield
    surroundings.forget_everything()


def of(kind: Kind, locale: str = "en", **values: object) -> Outgoing:
    others = (FRIDAY - timedelta(hours=1), FRIDAY + timedelta(hours=2))
    wish = RefusedChange(6, FRIDAY + timedelta(hours=1), "pacing", others)
    about: dict[str, object] = {"kind": kind, "guest_locale": locale}
    if kind is Kind.DECLINED:
        about |= {"alternatives": others, "reason": "full"}
    if kind is Kind.CHANGE_REFUSED:
        about["wish"] = wish
    return outgoing(**about | values)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [Kind.CONFIRMATION, Kind.CHANGED, Kind.LINK, Kind.ALREADY_BOOKED])
def test_a_table_that_is_held_asks_to_confirm_it_in_every_language(
    kind: Kind, language: str
) -> None:
    held = of(kind, language, confirm_by=FRIDAY - timedelta(days=3), is_proved=False)
    letter, stands = render_letter(held), render_letter(of(kind, language))
    phrases = wording(language, "en").phrases
    until = wording(language, "en").time(local(FRIDAY - timedelta(days=3), zone="Europe/Rome"))
    assert until in letter.text and phrases.to_confirm.title in letter.text
    assert phrases.confirm in letter.text and phrases.confirm in letter.html
    assert stands.subject != letter.subject and phrases.plans not in letter.text
    for text in (letter.subject, letter.text, letter.html, render_sms(held)):
        assert not re.search(r"\{\w*\}", text), "a placeholder was left"
    # without the code nobody can confirm, so it is included at any length
    assert "?k=" in letter.text and "?k=" in render_sms(held)
    assert is_gsm7(render_sms(held)) and segments(render_sms(held)) <= 2
    assert not CARRIER_WORDS.search(render_sms(held))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_said_whole_in_every_language(kind: Kind, language: str) -> None:
    letter = render_letter(of(kind, language))
    assert letter.language == language
    assert f'<html lang="{language}">' in letter.html
    for text in (letter.subject, letter.text, letter.html, render_sms(of(kind, language))):
        assert "Trattoria Bellavista" in text
        assert not re.search(r"\{\w*\}", text), "a placeholder was left"
    assert letter.text.count(letter.link) == 1 and letter.html.count(f'"{letter.link}"') >= 1
    assert letter.html.count('style="display:inline-block') == 1, "one clear button"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("party_size", [1, 2, 10])
def test_an_sms_is_one_segment_and_asks_for_no_carrier_word(
    kind: Kind, language: str, party_size: int
) -> None:
    for day in range(0, 360, 13):
        start = FRIDAY + timedelta(days=day, hours=4, minutes=30)
        wish = RefusedChange(6, start, "pacing", ()) if kind is Kind.CHANGE_REFUSED else None
        text = render_sms(
            of(
                kind,
                language,
                party_size=party_size,
                starts_at=start,
                alternatives=tuple(start + timedelta(minutes=15 * n) for n in range(1, 4)),
                wish=wish,
            )
        )
        assert is_gsm7(text), text
        assert segments(text) == 1, (len(text), text)
        assert not CARRIER_WORDS.search(text), text
        assert "https://tables.example.com/" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [Kind.WAITLISTED, Kind.LINK, Kind.TABLE_READY])
def test_a_party_at_the_door_is_told_its_place_or_its_table_and_no_start(
    kind: Kind, language: str
) -> None:
    until = FRIDAY + timedelta(minutes=10)
    said = of(kind, language, at_door=True, ready_until=until)
    letter, sms, words = render_letter(said), render_sms(said), wording(language, "en")
    start = local(FRIDAY, zone="Europe/Rome")
    for text in (letter.subject, letter.text, letter.html, sms):
        assert words.when(start) not in text
        assert words.brief(start) not in text
    assert letter.text.count(letter.link) == 1
    assert words.phrases.place in letter.text
    if kind is Kind.TABLE_READY:
        assert words.time(local(until, zone="Europe/Rome")) in letter.text
    assert is_gsm7(sms) and segments(sms) == 1, (len(sms), sms)


def test_a_long_name_costs_a_second_segment_and_loses_nothing() -> None:
    restaurant = AN_OUTGOING.restaurant
    long_name = "The Quite Extraordinarily Long Name of a Restaurant by the Sea"
    card = type(restaurant)(long_name, *(getattr(restaurant, n) for n in restaurant.__slots__[1:]))
    text = render_sms(of(Kind.CONFIRMATION, restaurant=card))
    assert segments(text) == 2
    assert long_name in text and "/manage/" in text


def test_gsm7_folds_what_has_a_plain_form_and_leaves_other_scripts() -> None:
    assert fold("Fri Sep 12 8:00 PM — “Café Zoë” sáb.") == 'Fri Sep 12 8:00 PM - "Café Zoe" sab.'
    assert fold("寿司") == "寿司"
    assert (segments("a" * 160), segments("a" * 161), segments("a" * 307)) == (1, 2, 3)
    assert (segments("€" * 80), segments("€" * 81)) == (1, 2)
    assert (segments("寿" * 70), segments("寿" * 71)) == (1, 2)


@pytest.mark.parametrize(
    "name",
    ["Kadıköy", "Đồng Quê", "Bacı Əziz", "Þórður & Sønner", "Ðe Pub", "GRÖẞE", "Bar 45°", "ΤΑΒΕΡΝΑ",
     "Café «Chez nous»", "L’Été – bistro", "N° 5 • Żółw", "O‑Toro × Sake"],
)  # fmt: skip
def test_one_letter_in_a_name_makes_no_sms_three(name: str) -> None:
    plain = outgoing(restaurant=replace(AN_OUTGOING.restaurant, name="x" * len(name)))
    message = outgoing(restaurant=replace(AN_OUTGOING.restaurant, name=name))
    assert is_gsm7(render_sms(message)), render_sms(message)
    assert segments(render_sms(message)) == segments(render_sms(plain)) == 1


def test_what_has_no_plain_form_is_named() -> None:
    assert beyond_gsm7("Café 寿司 寿") == "寿司"
    assert beyond_gsm7("Đồng Quê 45°") == ""


@pytest.mark.parametrize(
    ("locale", "when", "short"),
    [
        ("en-US", "Friday, September 11, 2026 at 8:00\u00a0PM", "Fri, Sep 11, 8:00\u00a0PM"),
        ("en-GB", "Friday, 11 September 2026 at 20:00", "Fri 11 Sept, 20:00"),
        ("de", "Freitag, 11. September 2026 um 20:00 Uhr", "Fr., 11. Sept., 20:00"),
        ("fr", "vendredi 11 septembre 2026 à 20:00", "ven. 11 sept., 20:00"),
        ("es", "viernes, 11 de septiembre de 2026 a las 20:00", "vie, 11 sept, 20:00"),
        ("it", "venerdì 11 settembre 2026 alle 20:00", "ven 11 set, 20:00"),
    ],
)
def test_dates_are_written_as_each_language_writes_them(locale: str, when: str, short: str) -> None:
    words, start = wording(locale, "de-DE"), local(FRIDAY, zone="Europe/Berlin")
    assert (words.when(start), words.short(start)) == (when, short)


@pytest.mark.parametrize(
    ("guest", "restaurant", "language", "locale"),
    [
        ("de-AT", "en", "de", "de_AT"),
        ("de_CH", "en", "de", "de_CH"),
        ("pt-BR", "fr-CA", "fr", "fr_CA"),
        ("ja", "ja", "en", "en"),
        ("", "it", "it", "it"),
        ("xx-nonsense", "not a locale", "en", "en"),
        ("en", "en-GB", "en", "en_GB"),
        ("en", "de-DE", "en", "en"),
        ("fr-ZZZZ-weird", "de", "fr", "fr"),
    ],
)
def test_the_guests_language_then_the_restaurants_then_english(
    guest: str, restaurant: str, language: str, locale: str
) -> None:
    words = wording(guest, restaurant)
    assert (words.language, str(words.locale)) == (language, locale)


def test_an_hour_that_the_clock_repeats_is_named_with_its_offset() -> None:
    words = wording("en-GB", "en")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    times = [
        words.time(local(first + timedelta(hours=hours), zone="Europe/Berlin"))
        for hours in range(3)
    ]
    assert times == ["02:30 (UTC+02:00)", "02:30 (UTC+01:00)", "03:30"]


def test_stored_script_is_shown_and_not_run() -> None:
    restaurant = AN_OUTGOING.restaurant
    card = type(restaurant)(
        SCRIPT, *(getattr(restaurant, name) for name in restaurant.__slots__[1:])
    )
    evil = of(Kind.CONFIRMATION, guest_name=SCRIPT, note=f'"{SCRIPT}', area=SCRIPT, restaurant=card)
    html = render_letter(evil).html
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;") >= 4
    assert html.count("<script") == html.count("</script") == 1  # the linked data's own
    data = linked_data(html)
    assert data["underName"] == {"@type": "Person", "name": SCRIPT}
    assert SCRIPT in render_letter(evil).text


def test_names_that_look_like_placeholders_are_only_names() -> None:
    letter = render_letter(of(Kind.CONFIRMATION, guest_name="{link.__class__} {0} %s {{ 7*7 }}"))
    assert "{link.__class__} {0} %s {{ 7*7 }}" in letter.text


def test_a_name_with_line_breaks_stays_on_its_line() -> None:
    letter = render_letter(of(Kind.CONFIRMATION, guest_name="Zoë\r\nBcc: all@guests.example\0"))
    assert "Dear Zoë Bcc: all@guests.example," in letter.text.splitlines()
    assert "\n" not in letter.subject


def linked_data(html: str) -> dict[str, object]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_linked_data_says_what_schema_org_asks_for() -> None:
    data = linked_data(render_letter(of(Kind.CONFIRMATION)).html)
    assert data["@type"] == "FoodEstablishmentReservation"
    assert data["reservationNumber"] == "ABCD2345"
    assert data["reservationStatus"] == "https://schema.org/ReservationConfirmed"
    assert data["startTime"] == "2026-09-11T20:00:00+02:00"
    assert data["partySize"] == 4
    cancelled = linked_data(render_letter(of(Kind.CANCELLED)).html)
    assert cancelled["reservationStatus"] == "https://schema.org/ReservationCancelled"
    assert "ld+json" not in render_letter(of(Kind.DECLINED)).html


def test_linked_data_of_a_first_message_names_nobody() -> None:
    data = linked_data(render_letter(of(Kind.CONFIRMATION, guest_name="")).html)
    assert "underName" not in data
    assert data["reservationNumber"] == "ABCD2345"


def test_the_manage_link_opens_exactly_this_reservation() -> None:
    link = render_letter(of(Kind.CONFIRMATION)).link
    assert link.startswith("https://tables.example.com/manage/")
    said = read_manage_token(link.rpartition("/")[2])
    assert (said.reservation_id, said.secret) == (AN_OUTGOING.reservation_id, b"eight by")


def test_a_declined_guest_hears_why_and_when_there_is_room() -> None:
    letter = render_letter(of(Kind.DECLINED, reason=Reason.FULL.value))
    assert "no table for 4 guests" in letter.text
    assert "taken then" in letter.text
    assert "- Fri, Sep 11, 7:00\u00a0PM" in letter.text
    assert letter.link == "https://tables.example.com/book/bellavista"
    assert "ABCD2345" not in letter.text
    unknown = render_letter(of(Kind.DECLINED, reason="a_reason_of_a_later_release"))
    assert "later_release" not in unknown.text


def test_a_refused_change_names_the_wish_and_keeps_the_old_start() -> None:
    text = render_letter(of(Kind.CHANGE_REFUSED)).text
    assert "no table for 6 guests, Friday, September 11, 2026 at 9:00\u00a0PM" in text
    assert "When: Friday, September 11, 2026 at 8:00\u00a0PM" in text


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", list(Kind))
def test_the_html_is_well_formed_and_readable_without_pictures(kind: Kind) -> None:
    outline = _Outline()
    outline.feed(render_letter(of(kind, note="a note")).html)
    assert outline.open == []
    assert outline.tags.count("h1") == outline.tags.count("title") == 1
    assert "img" not in outline.tags
