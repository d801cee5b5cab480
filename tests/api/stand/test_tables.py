"""The host's acts on tables, over HTTP: one call each, and refusals that name the parties."""

from datetime import datetime
from typing import Any

import pytest

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Account, Reservation
from tests.api.conftest import Answer, Stand
from tests.api.stand.test_host_stand import book
from web.schemas.answers import Problem
from web.schemas.tables import HistoryOut, TableActOut

pytestmark = pytest.mark.both


def act(
    stand: Stand, number: str, name: str, *, role: str = "host", match: str = "", **body: Any
) -> Answer:
    headers = stand.as_staff(role) | ({"If-Match": match} if match else {})
    path = f"/api/v1/reservations/{number}/{name}"
    return stand.client.post(path, headers=headers, json=body or None)


def test_a_party_gets_a_table_and_another_makes_way(staffed: Stand) -> None:
    first, second = book(staffed, tables=["1"]).json, book(staffed, tables=["2"]).json
    shown = act(staffed, first["id"], "assign", tables=["2"], preview=True)
    assert (shown.json["preview"], shown.json["tables"]) == (True, ["1"])
    done = act(staffed, first["id"], "assign", tables=["2"])
    assert done.status_code == 200, done.text
    said = TableActOut.model_validate(done.json)
    assert said.affected is not None
    assert said.tables == ["2"]
    assert [(each.id, each.from_tables) for each in said.affected] == [(second["id"], ["2"])]
    assert said.affected == TableActOut.model_validate(shown.json).affected
    assert act(staffed, first["id"], "assign", tables=["2"]).headers["ETag"] == done.headers["ETag"]
    unknown = act(staffed, first["id"], "assign", tables=["77"])
    assert (unknown.status_code, unknown.json["errors"][0]["field"]) == (422, "tables")


def test_the_refusal_names_the_parties_in_the_way(staffed: Stand) -> None:
    first, second = book(staffed, tables=["1"]).json, book(staffed, tables=["2"]).json
    locked = act(staffed, second["id"], "lock")
    assert locked.json["tables_locked"] is True
    taken = act(staffed, first["id"], "assign", tables=["2"])
    assert (taken.status_code, taken.json["code"]) == (409, "table-taken")
    problem = Problem.model_validate(taken.json)
    assert problem.parties is not None
    assert [(each.reference, each.why) for each in problem.parties] == [
        (second["reference"], "locked")
    ]
    assert second["reference"] in problem.detail
    assert act(staffed, second["id"], "unlock").json["tables_locked"] is False
    assert act(staffed, first["id"], "assign", tables=["2"]).status_code == 200


def test_only_a_manager_squeezes_and_overlaps_and_says_why(staffed: Stand) -> None:
    number = book(staffed, party_size=4).json["id"]
    forced: dict[str, Any] = {"tables": ["1"], "reason": "they insist"}
    assert act(staffed, number, "assign", **forced).status_code == 409
    for override in ("squeeze", "overlap"):
        more = forced | {override: True}
        assert act(staffed, number, "assign", **more).status_code == 403
        silent = more | {"reason": " "}
        assert act(staffed, number, "assign", role="manager", **silent).status_code == 422
    squeezed = act(staffed, number, "assign", role="manager", squeeze=True, **forced)
    assert (squeezed.status_code, squeezed.json["tables"]) == (200, ["1"])


def test_two_parties_swap_once(staffed: Stand) -> None:
    first, second = book(staffed, tables=["1"]), book(staffed, tables=["2"])
    number, other = first.json["id"], second.json["id"]
    blind = act(staffed, number, "swap", **{"with": other})
    assert (blind.status_code, blind.json["errors"][0]["field"]) == (422, "If-Match")
    for _ in range(2):
        done = act(staffed, number, "swap", match=first.headers["ETag"], **{"with": other})
        assert (done.status_code, done.json["tables"]) == (200, ["2"]), done.text
    late = act(staffed, number, "extend", match=first.headers["ETag"], minutes=15)
    assert late.status_code == 412


def test_a_turn_is_lengthened_once(staffed: Stand) -> None:
    booked = book(staffed, tables=["1"])
    number = booked.json["id"]
    with transaction(staffed.db) as session:
        end = session.get_one(Reservation, int(number)).ends_at
    blind = act(staffed, number, "extend", minutes=30)
    assert (blind.status_code, blind.json["errors"][0]["field"]) == (422, "If-Match")
    assert act(staffed, number, "extend", minutes=30, open_end=True).status_code == 422
    shown = act(staffed, number, "extend", minutes=30, preview=True)
    assert shown.json["new_end"] != shown.json["end"]
    for _ in range(2):
        done = act(staffed, number, "extend", match=booked.headers["ETag"], minutes=30)
        assert done.status_code == 200, done.text
        assert done.json["end"] == shown.json["new_end"]
    with transaction(staffed.db) as session:
        row = session.get_one(Reservation, int(number))
        assert (row.ends_at - end).total_seconds() == 30 * 60


def test_the_history_says_who_moved_it(staffed: Stand) -> None:
    made = staffed.confirmed()
    with transaction(staffed.db) as session:
        for account in session.query(Account).where(Account.email == "host@example.com"):
            account.name = "Maria"
    (before,) = _tables(staffed, made["id"])
    act(staffed, made["id"], "assign", tables=["6"], reason="by the window")
    answer = staffed.client.get(
        f"/api/v1/reservations/{made['id']}/history", headers=staffed.as_staff("viewer")
    )
    assert answer.status_code == 200, answer.text
    steps = HistoryOut.model_validate(answer.json).steps
    assert [(each.actor, each.name, each.reason) for each in steps] == [
        ("worker", None, "decision"),
        ("staff", "Maria", "assigned"),
    ]
    assert [(each.from_tables, each.tables) for each in steps] == [
        ([], [before]),
        ([before], ["6"]),
    ]
    assert steps[1].text == "by the window"
    assert staffed.client.get(f"/api/v1/reservations/{made['id']}/history").status_code == 401


def _tables(stand: Stand, number: str) -> list[str]:
    path = f"/api/v1/reservations/{number}"
    return list(stand.client.get(path, headers=stand.as_staff()).json["tables"])


def test_the_book_shows_the_lock(staffed: Stand) -> None:
    booked = book(staffed, tables=["1"]).json
    act(staffed, booked["id"], "assign", tables=["1"], lock=True)
    date = booked["start"][:10]
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/book?date={date}"
    (row,) = staffed.client.get(path, headers=staffed.as_staff()).json["reservations"]
    assert (row["tables"], row["tables_locked"]) == (["1"], True)


def test_a_party_is_seated_over_one_that_has_not_come(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = book(staffed, tables=["1"]).json, book(staffed, tables=["2"]).json
    start = datetime.fromisoformat(first["start"])
    monkeypatch.setattr(clock, "now", lambda: start)
    for _ in range(2):
        done = act(staffed, first["id"], "seat", tables=["2"])
        assert (done.status_code, done.json["status"], done.json["tables"]) == (
            200, "seated", ["2"]
        ), done.text  # fmt: skip
    assert _tables(staffed, second["id"]) == ["1"]
    again = act(staffed, second["id"], "seat", tables=["2"])
    assert (again.status_code, again.json["parties"][0]["why"]) == (409, "seated")
    third = book(staffed, tables=["6"], start=first["start"]).json
    made = act(staffed, second["id"], "seat", tables=["6"])
    assert [each["id"] for each in made.json["affected"]] == [third["id"]]
