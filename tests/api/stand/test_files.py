"""A restaurant's files over HTTP: stored once, versioned, served so that browsers run nothing."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities import File
from models.operations.running import files
from models.queries.floor.load import forget_restaurants
from tests.api.conftest import Answer, Stand, counted, sign_in
from tests.services.pictures import jpeg, png, webp
from tests.services.running.restaurant import OpenRestaurant

PLACE = "/api/v1/restaurants/demo/files"


def put(stand: Stand, name: str, content: bytes, role: str = "manager", **more: Any) -> Answer:
    more.setdefault("content_type", "image/png")
    return stand.client.put(f"{PLACE}/{name}", data=content, headers=stand.as_staff(role), **more)


def get(stand: Stand, path: str = "", role: str = "viewer") -> Answer:
    return stand.client.get(f"{PLACE}{path}", headers=stand.as_staff(role))


def versions(stand: Stand, name: str) -> list[dict[str, Any]]:
    named = {each["name"]: each["versions"] for each in get(stand).json["files"]}
    return list(named[name])


@pytest.mark.both
def test_each_change_is_a_version_and_each_content_is_kept_once(staffed: Stand) -> None:
    first, second = png(), png(8, 8)
    assert put(staffed, "logo", first).json == {"name": "logo", "version": 1}
    assert put(staffed, "logo", first).json["version"] == 1, "the same again changes nothing"
    assert put(staffed, "logo", second).json["version"] == 2
    assert put(staffed, "logo", first).json["version"] == 3
    assert put(staffed, "plan", first).json["version"] == 1
    assert counted(staffed.db)["files"] == 2
    assert counted(staffed.db)["file_versions"] == 4
    assert [each["version"] for each in versions(staffed, "logo")] == [3, 2, 1]
    (plan,) = versions(staffed, "plan")
    assert plan["sha256"] == hashlib.sha256(first).hexdigest()
    assert (plan["media_type"], plan["width"], plan["height"]) == ("image/png", 4, 3)
    assert (plan["size"], plan["actor"][:6]) == (len(first), "staff:")
    assert get(staffed, "/logo").data == first
    assert get(staffed, "/logo?version=2").data == second
    assert get(staffed, "/logo?version=9").status_code == 404


def test_what_was_withdrawn_is_gone_and_its_versions_stay(staffed: Stand) -> None:
    put(staffed, "logo", png())
    place, header = f"{PLACE}/logo", staffed.as_staff("manager")
    assert staffed.client.delete(place, headers=header).status_code == 204
    assert staffed.client.delete(place, headers=header).status_code == 404
    assert get(staffed, "/logo").status_code == 404
    assert get(staffed, "/logo?version=1").data == png()
    assert versions(staffed, "logo")[0]["sha256"] is None
    assert put(staffed, "logo", png()).json["version"] == 3


def test_the_type_is_what_the_content_is(staffed: Stand) -> None:
    for content, media_type in ((jpeg(), "image/jpeg"), (webp(), "image/webp")):
        # the sender's Content-Type is ignored
        assert put(staffed, "plan", content, content_type="text/html").status_code == 200
        answer = get(staffed, "/plan")
        assert (answer.mimetype, answer.data) == (media_type, content)


def test_nothing_of_a_file_runs(staffed: Stand) -> None:
    put(staffed, "logo", png())
    forget_restaurants()
    for answer in (get(staffed, "/logo"), staffed.client.get("/logo/demo/1")):
        assert answer.data == png()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Disposition"] == 'attachment; filename="logo.png"'
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.both
def test_the_pages_show_the_logo(staffed: Stand) -> None:
    assert "<img" not in staffed.client.get("/book/demo").text
    put(staffed, "plan", png())
    put(staffed, "logo", png())
    forget_restaurants()
    assert '<img class="logo" src="/logo/demo/1" alt="">' in staffed.client.get("/book/demo").text
    assert staffed.client.get("/api/v1/restaurants/demo").json["logo"] == "/logo/demo/1"
    assert "immutable" in staffed.client.get("/logo/demo/1").headers["Cache-Control"]
    put(staffed, "logo", webp())
    # this process has cached the restaurant, but must serve what the newest page names
    assert staffed.client.get("/logo/demo/2").mimetype == "image/webp"
    forget_restaurants()
    assert "/logo/demo/2" in staffed.client.get("/book/demo").text
    assert staffed.client.get("/logo/demo/1").status_code == 404
    staffed.client.delete(f"{PLACE}/logo", headers=staffed.as_staff("manager"))
    forget_restaurants()
    assert "<img" not in staffed.client.get("/book/demo").text
    assert staffed.client.get("/logo/demo/2").status_code == 404


def test_roles_and_other_restaurants(
    staffed: Stand, restaurant: Callable[..., OpenRestaurant], make_account: Callable[..., int]
) -> None:
    for role, status in (("viewer", 403), ("host", 403), ("manager", 200), ("owner", 200)):
        assert put(staffed, "logo", png(), role).status_code == status, role
    assert staffed.client.put(f"{PLACE}/logo", data=png()).status_code == 401
    assert staffed.client.get(PLACE).status_code == 401
    other = restaurant(slug="other")
    make_account("stranger@example.com", {other.id: "owner"})
    token = sign_in(staffed.client, "stranger@example.com")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    for method in ("GET", "PUT", "DELETE"):
        answer = staffed.client.open(f"{PLACE}/logo", method=method, data=png(), headers=header)
        assert answer.status_code == 404, method
    own = "/api/v1/restaurants/other/files"
    assert staffed.client.get(own, headers=header).json == {"files": []}
    assert staffed.client.get(f"{own}/logo", headers=header).status_code == 404


def test_what_cannot_be_kept_is_told_why_and_not_kept(staffed: Stand) -> None:
    for content, why in (
        (b"", "is empty"),
        (b"<svg onload='alert(1)'/>", "must be a PNG"),
        (png() + b"<script>", "after its end"),
        (png(9000, 9000), "2048 pixels"),
        (png() + bytes(61_440), "61440 bytes"),
    ):
        answer = put(staffed, "logo", content)
        assert answer.status_code == 422, why
        (problem,) = answer.json["errors"]
        assert problem["field"] == "body"
        assert why in problem["message"]
    assert put(staffed, "logo", bytes(70_000)).status_code == 413
    for name in ("..%2fetc", "a%2fb", "Logo", "logo.png", "%00", "-", "x" * 64):
        answer = put(staffed, name, png())
        assert answer.status_code == 404, name
    wrong = get(staffed, "/logo?version=0")
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "version")
    assert counted(staffed.db)["files"] == counted(staffed.db)["file_versions"] == 0


def test_a_restaurant_keeps_so_many_and_no_more(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "VERSIONS_KEPT", 2)
    monkeypatch.setattr(files, "NAMES_MAX", 2)
    put(staffed, "plan", png(shade=1))
    for shade in (1, 2, 3, 4):
        assert put(staffed, "logo", png(shade=shade)).status_code == 200
    assert [each["version"] for each in versions(staffed, "logo")] == [4, 3]
    with Session(staffed.db) as session:
        # the first is still the plan's; the second had no references left
        assert session.scalar(select(func.count()).select_from(File)) == 3
    assert get(staffed, "/plan").data == png(shade=1)
    full = put(staffed, "menu", png())
    assert (full.status_code, full.json["code"]) == (409, "state-conflict")


def test_the_audit_names_the_account_that_changed_a_file(staffed: Stand) -> None:
    put(staffed, "logo", png())
    staffed.client.delete(f"{PLACE}/logo", headers=staffed.as_staff("manager"))
    place = "/api/v1/restaurants/demo/audit"
    entries = staffed.client.get(place, headers=staffed.as_staff("owner")).json["entries"]
    assert [(each["action"], each["about"]) for each in entries] == [
        ("file.withdrawn", ["logo 2"]),
        ("file.kept", ["logo 1"]),
    ]
