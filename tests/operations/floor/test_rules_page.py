"""docs/rules.md against the code: every key and its default, and every worked example."""

import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import PydanticUndefined
from sqlalchemy import Engine

from models.core.errors import Invalid
from models.operations.floor.file_shape import FileShape
from models.operations.floor.shapes import (
    ApprovalShape,
    AreaShape,
    ClosureShape,
    CombinationShape,
    DatePacingShape,
    FeatureShape,
    PacingShape,
    RestaurantFile,
    ShiftShape,
    TableShape,
)
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.decisions import decide
from models.rules.deciding.seating import Floor
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.approval import needs_approval
from models.rules.restaurant.features import Wants
from models.rules.restaurant.policies import check_request
from models.rules.restaurant.policy_storage import policies_to
from models.rules.restaurant.restaurant import Policies, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, local, quarter_of
from tests.architecture.tree import ROOT
from tests.operations.deciding.small import load, restaurant_of

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
SHAPES: dict[str, type[FileShape]] = {
    "`[policies.pacing]`, and `pacing` of a shift": PacingShape,
    "`[[areas]]`": AreaShape,
    "`[[tables]]`": TableShape,
    "`[[features]]`": FeatureShape,
    "`[[combinations]]`": CombinationShape,
    "`[[shifts]]`": ShiftShape,
    "`[[closures]]`": ClosureShape,
    "`[[pacing]]`": DatePacingShape,
    "`[[approval]]`": ApprovalShape,
}


def section(title: str) -> str:
    """The text under one heading, up to the next."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def tables(text: str) -> list[list[list[str]]]:
    """The tables of the text, without their heads: a list of rows of cells each."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [rows[2:] for rows in found if rows]


def defaults(title: str) -> dict[str, Any]:
    """Key -> default, of the section's table: `left out` is None, `required` is MISSING."""
    words = {"left out": None, "required": MISSING}
    (rows,) = tables(section(title))
    return {
        key.strip("`"): words[text] if text in words else tomllib.loads(f"x = {text[1:-1]}")["x"]
        for key, text, _ in rows
    }


def as_in_the_file(policies: Policies, name: str) -> Any:
    value = getattr(policies, name)
    if name == "pacing":
        return {key: limit for key, limit in policies_pacing(policies).items() if limit is not None}
    if name == "turn_times":
        return [[row.up_to, row.minutes] for row in value]
    return list(value) if isinstance(value, tuple) else value


def policies_pacing(policies: Policies) -> dict[str, int | None]:
    return {each.name: getattr(policies.pacing, each.name) for each in fields(policies.pacing)}


def test_every_policy_is_on_the_page_with_its_default() -> None:
    policies = Policies()
    assert policies_to(policies) == {}
    expected = {each.name: as_in_the_file(policies, each.name) for each in fields(Policies)}
    assert defaults("`[policies]`") == expected


@pytest.mark.parametrize("title", SHAPES)
def test_every_key_of_the_file_is_on_the_page_with_its_default(title: str) -> None:
    expected = {
        each.alias or name: MISSING if each.default is PydanticUndefined else each.default
        for name, each in SHAPES[title].model_fields.items()
    }
    assert defaults(title) == expected


def asked_for(restaurant: RestaurantSpec, row: list[str]) -> TableRequest:
    _, party, start, area, *wants, _ = row
    starts_at = datetime.fromisoformat(start).replace(tzinfo=restaurant.tz)
    wishes, needs = ([each] if each else [] for each in wants or ("", ""))
    features = Wants(tuple(needs), tuple(wishes))
    guest = GuestDetails("Ann")
    return TableRequest(int(party), starts_at, guest, area_key=area or None, wants=features)


class Book:
    """The book of one table of examples: its board, once a request was well-formed."""

    def __init__(self, restaurant: RestaurantSpec) -> None:
        self.restaurant = restaurant
        self.boards: dict[int, Board] = {}
        self.floor = Floor(quarter_of(NOW), {})

    def answer(self, row: list[str]) -> str:
        """What the product answers, in the words of the page."""
        request = asked_for(self.restaurant, row)
        online = row[0] == "online"
        try:
            sitting = check_request(self.restaurant, request, now=NOW, online=online)
        except Invalid as refused:
            return "; ".join(f"{each.field}: {each.message}" for each in refused.fields)
        return self._decided(sitting, request, online=online, walk_in=row[0] == "walk_in")

    def _decided(
        self, sitting: Sitting, request: TableRequest, *, online: bool, walk_in: bool
    ) -> str:
        # as when they are loaded, the books of a restaurant share one floor
        empty = Board(self.restaurant, sitting, self.floor)
        board = self.boards.setdefault(sitting.book_id, empty)
        area = self.restaurant.area_by_key[request.area_key].id if request.area_key else None
        quarter = quarter_of(request.starts_at)
        place = request.party_size, quarter, area
        ask = Ask(*place, online=online, walk_in=walk_in, wants=request.wants)
        outcome = decide(board, ask, earliest=0)
        board.apply(ask, outcome)
        if outcome.status is not Status.CONFIRMED:
            others = [f"{local(self.restaurant, each):%H:%M}" for each in outcome.alternatives]
            instead = f"; instead {', '.join(others)}" if others else ""
            return f"{outcome.status.value}: {outcome.reason}{instead}"
        ends = request.starts_at + timedelta(minutes=15 * outcome.held)
        if self.restaurant.covers is not None:
            return f"room until {ends:%H:%M}"
        labels = " + ".join(self.restaurant.table_by_id[each].label for each in outcome.seats)
        asks = online and needs_approval(
            self.restaurant, sitting.shift, outcome.seats, party_size=request.party_size
        )
        return f"table {labels} until {ends:%H:%M}" + ", once the staff approve" * asks


def wrong_answers(restaurant: RestaurantSpec, rows: list[list[str]]) -> Iterator[str]:
    book = Book(restaurant)
    for row in rows:
        if (found := book.answer(row)) != row[-1]:
            yield f"{row}: {found}"


def test_the_capacity_is_on_the_page_with_its_defaults() -> None:
    shape = RestaurantFile.model_fields
    assert defaults("Capacity") == {name: shape[name].default for name in ("capacity", "covers")}


@pytest.mark.parametrize(
    ("title", "slug"), [("Worked examples", "small"), ("Worked examples of covers", "counted")]
)
def test_every_worked_example_is_answered_as_the_page_says(
    db: Engine, title: str, slug: str
) -> None:
    text = section(title)
    load(text.split("```toml\n")[1].split("```")[0], now=NOW)
    examples = tables(text)
    assert sum(len(rows) for rows in examples) > 10
    wrong = [each for rows in examples for each in wrong_answers(restaurant_of(slug), rows)]
    assert "\n".join(wrong) == ""
