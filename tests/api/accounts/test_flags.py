"""Owners set flags of their own restaurant, and see the changes and their authors."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from models.rules.flags import Flag
from tests.api.conftest import Answer, Stand
from web.schemas.flags import FlagsOut

PLACE = "/api/v1/restaurants/demo/flags"


def put(stand: Stand, name: str, role: str = "owner", **body: Any) -> Answer:
    return stand.client.put(f"{PLACE}/{name}", json=body, headers=stand.as_staff(role))


@pytest.mark.both
def test_an_owner_switches_a_flag_and_takes_it_back(staffed: Stand) -> None:
    shown = staffed.client.get(PLACE, headers=staffed.as_staff("owner")).json
    jsonschema.validate(shown, FlagsOut.model_json_schema())
    assert {each["name"]: each["here"] for each in shown["flags"]} == dict.fromkeys(Flag)
    answer = put(staffed, "sms", percent=25)
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json, FlagsOut.model_json_schema())
    (here,) = [each["here"] for each in answer.json["flags"] if each["name"] == "sms"]
    assert (here["percent"], here["is_killed"]) == (25, False)
    assert here["changed_by"].startswith("staff:")
    gone = staffed.client.delete(f"{PLACE}/sms", headers=staffed.as_staff("owner"))
    assert [each["percent"] for each in gone.json["changes"]] == [None, 25]
    again = staffed.client.delete(f"{PLACE}/sms", headers=staffed.as_staff("owner"))
    assert again.json == gone.json


@pytest.mark.parametrize("role", ["viewer", "host", "manager"])
def test_nobody_but_an_owner_may(staffed: Stand, role: str) -> None:
    assert put(staffed, "sms", role, percent=0).status_code == 403
    assert staffed.client.get(PLACE, headers=staffed.as_staff(role)).status_code == 403
    assert staffed.client.get(PLACE).status_code == 401


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("sms", {"percent": 101}, 422, "percent"),
        ("sms", {"percent": "5"}, 422, "percent"),
        ("sms", {"is_killed": 1}, 422, "is_killed"),
        ("sms", {"surprise": 1}, 422, "surprise"),
        ("no-such-flag", {}, 404, None),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    staffed: Stand, name: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = put(staffed, name, **body)
    assert answer.status_code == status, answer.text
    assert [each["field"] for each in answer.json["errors"]] == ([field] if field else [])
    assert staffed.client.get(PLACE, headers=staffed.as_staff("owner")).json["changes"] == []
