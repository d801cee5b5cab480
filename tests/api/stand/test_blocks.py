"""The API of blocks: make, preview, list, lift; who may; the history."""

from typing import Any

from tests.api.conftest import Answer, Stand


def block(stand: Stand, role: str = "host", *, headers: Any = None, **body: Any) -> Answer:
    given = {"reason": "rain", "from": stand.start(18), "until": stand.start(23)} | body
    return stand.client.post(
        f"/api/v1/restaurants/{stand.restaurant.slug}/blocks",
        json=given,
        headers=stand.as_staff(role) | (headers or {}),
    )


def read(stand: Stand, path: str, role: str = "host") -> dict[str, Any]:
    day = stand.start()[:10]
    answer = stand.client.get(
        f"/api/v1/restaurants/{stand.restaurant.slug}/{path}?date={day}",
        headers=stand.as_staff(role),
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_an_area_is_blocked_listed_and_lifted(staffed: Stand) -> None:
    made = block(staffed, area="terrace")
    assert made.status_code == 200, made.text
    assert (made.json["tables"], made.json["parties"]) == (["6"], [])
    assert made.json["end"] == staffed.start(23)
    listed = read(staffed, "blocks", "viewer")["blocks"]
    assert [each["id"] for each in listed] == [made.json["id"]]
    tables = {each["label"]: each["blocks"] for each in read(staffed, "book")["tables"]}
    assert [each["reason"] for each in tables["6"]] == ["rain"]
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/blocks/{made.json['id']}/lift"
    for _ in range(2):
        lifted = staffed.client.post(path, headers=staffed.as_staff())
        assert lifted.status_code == 200, lifted.text
        assert lifted.json["lifted_at"]
    assert read(staffed, "blocks")["blocks"] == []
    acts = read(staffed, "book/acts")["acts"]
    assert [(each["act"], each["name"]) for each in acts] == [
        ("block", "host@example.com"),
        ("lift", "host@example.com"),
    ]


def test_a_preview_says_who_would_move_and_changes_nothing(staffed: Stand) -> None:
    party = staffed.confirmed(area="terrace")
    refused = block(staffed, area="terrace")
    assert (refused.status_code, refused.json["code"]) == (409, "state-conflict")
    asked: dict[str, Any] = {"area": "terrace", "parties": "move"}
    seen = block(staffed, preview=True, **asked)
    assert seen.status_code == 200, seen.text
    assert read(staffed, "blocks")["blocks"] == []
    assert read(staffed, "book/acts")["acts"] == []
    done = block(staffed, **asked)
    assert [each["reservation_id"] for each in done.json["parties"]] == [party["id"]]
    for each in (seen, done):
        (moved,) = each.json["parties"]
        assert moved["moved_to"] and moved["left_area"]
    assert seen.json["parties"] == done.json["parties"]


def test_a_host_may_block_and_a_viewer_may_not(staffed: Stand) -> None:
    assert block(staffed, "viewer", area="terrace").status_code == 403
    assert block(staffed, "manager", area="terrace").status_code == 200


def test_a_block_acts_on_the_revision_that_the_host_saw(staffed: Stand) -> None:
    staffed.confirmed()
    seen = read(staffed, "book")["revision"]
    stale = block(staffed, area="terrace", headers={"If-Match": f'"{seen + 7}"'})
    assert stale.status_code == 412
    assert block(staffed, area="terrace", headers={"If-Match": f'"{seen}"'}).status_code == 200


def test_a_wrong_block_names_its_field(staffed: Stand) -> None:
    for wrong, field in (
        ({"area": "garden"}, "area"),
        ({"tables": ["99"]}, "tables"),
        ({"tables": ["1"], "until": staffed.start(17)}, "until"),
        ({"tables": ["1"], "reason": ""}, "reason"),
        ({}, "body"),
    ):
        answer = block(staffed, **wrong)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json["errors"]] == [field], wrong


def test_without_an_end_the_block_lasts_until_the_evening_is_over(staffed: Stand) -> None:
    answer = staffed.client.post(
        f"/api/v1/restaurants/{staffed.restaurant.slug}/blocks",
        json={"tables": ["1"], "from": staffed.start(18), "reason": "a broken leg"},
        headers=staffed.as_staff(),
    )
    assert answer.status_code == 200, answer.text
    assert answer.json["start"] < answer.json["end"]


def test_the_cached_availability_forgets_a_blocked_table(staffed: Stand) -> None:
    def offered() -> int:
        answer = staffed.client.get(
            f"/api/v1/restaurants/{staffed.restaurant.slug}/availability"
            f"?date={staffed.start()[:10]}&party_size=6"
        )
        return len(answer.json["slots"])

    before = offered()
    block(staffed, tables=["5"])
    assert offered() < before
