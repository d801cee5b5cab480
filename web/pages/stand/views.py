"""The stand's pages, in one list for the application."""

from typing import Final

from apiflask import APIBlueprint

from web.pages.stand import book_list, floor, guests, new_party, party, sheets, sign_in, timeline

STAND_PAGES: Final[tuple[APIBlueprint, ...]] = (
    sign_in.blueprint,
    book_list.blueprint,
    timeline.blueprint,
    floor.blueprint,
    party.blueprint,
    new_party.blueprint,
    guests.blueprint,
    sheets.blueprint,
)
