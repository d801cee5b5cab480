"""The day sheet for the printer, the day as CSV, the notice with the QR code, the keys."""

import csv
import io
from typing import Final

from apiflask import APIBlueprint
from babel.dates import format_date
from flask import Response

from models.core import clock
from models.queries.accounts.accounts import Caller
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import local
from web.api.door.facts import join_url
from web.http.access import staff_at_restaurant
from web.pages.door_words import WORDS
from web.pages.stand.book_list import read_book
from web.pages.stand.covers import covers_of
from web.pages.stand.lines import lines_of
from web.pages.stand.page import register_stand, render_stand, wording_of, words_of

blueprint = APIBlueprint("stand_sheets", __name__, enable_openapi=False)
register_stand(blueprint)

#: characters with which a spreadsheet begins a formula
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
#: (keys, the word for what they do)
_KEYS: Final = (
    ("Alt + S", "keys_search"),
    ("Alt + 1, 2, 3", "keys_views"),
    ("Alt + W", "walk_in"),
    ("Alt + B", "new_booking"),
    ("Alt + G", "guests"),
    ("Alt + E", "evening"),
    ("Alt + R", "requests"),
    ("Alt + Z", "keys_undo"),
    ("↓ ↑", "keys_rows"),
    ("N", "keys_step"),
    ("Enter", "keys_open"),
)
_COLUMNS: Final = (
    "when",
    "until",
    "party",
    "name",
    "phone",
    "email",
    "table",
    "where",
    "status",
    "guest_note",
    "staff_note",
    "reference",
)


@blueprint.get("/stand/<slug:slug>/print")
@staff_at_restaurant(Permission.READ_BOOK)
def printed(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the day sheet: one line a party, in the order of their starts. Audited."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    said = wording_of(restaurant)
    return render_stand(
        "print.html",
        restaurant,
        lines=lines_of(restaurant, view, said, now=now),
        covers=covers_of(view),
        day_text=format_date(view.service_date, "full", locale=said.locale),
        printed=said.short(local(now, zone=restaurant.zone)),
    )


@blueprint.get("/stand/<slug:slug>/day.csv")
@staff_at_restaurant(Permission.EXPORT_GUESTS)
def download(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Return the day as CSV, for who may export guests. Audited."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    said = wording_of(restaurant)
    texts = words_of(said.language)
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([texts[name] for name in _COLUMNS])
    for line in lines_of(restaurant, view, said, now=now):
        row = line.row
        cells = (
            local(row.starts_at, zone=restaurant.zone).isoformat(timespec="minutes"),
            local(row.ends_at, zone=restaurant.zone).isoformat(timespec="minutes"),
            row.party_size,
            row.guest_name,
            row.guest_phone or "",
            row.guest_email or "",
            " + ".join(row.tables),
            line.area,
            texts[f"state_{row.status.value}"],
            row.note,
            row.staff_note,
            row.reference,
        )
        rows.writerow([_harmless(str(cell)) for cell in cells])
    answer = Response("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{restaurant.slug}-{view.service_date}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/stand/<slug:slug>/door-notice")
@staff_at_restaurant(Permission.READ_BOOK)
def door_notice(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the notice for the door: the code, and what it is for, in the chosen language."""
    words = WORDS[wording_of(restaurant).language]
    return render_stand("door_notice.html", restaurant, said=words, url=join_url(restaurant))


@blueprint.get("/stand/<slug:slug>/keys")
@staff_at_restaurant(Permission.READ_BOOK)
def keys(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show which keys do what."""
    return render_stand("keys.html", restaurant, keys=_KEYS)


def _harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
