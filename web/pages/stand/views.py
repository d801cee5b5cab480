"""The stand's pages, in one list for the application."""

from typing import Final

from apiflask import APIBlueprint

from web.pages.stand import book_list, floor, guests, sheets, sign_in, timeline
from web.pages.stand.panels import evening, history, new_party, party, requests, waits

STAND_PAGES: Final[tuple[APIBlueprint, ...]] = (
    sign_in.blueprint,
    book_list.blueprint,
    timeline.blueprint,
    floor.blueprint,
    party.blueprint,
    history.blueprint,
    evening.blueprint,
    waits.blueprint,
    requests.blueprint,
    new_party.blueprint,
    guests.blueprint,
    sheets.blueprint,
)
