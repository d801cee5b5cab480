"""A table of malformed requests, each with the field that the problem must name."""

import json
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

from tests.api.conftest import Stand

BOOK = "/api/v1/restaurants/demo/reservations"
JSON = "application/json"
KEY = {"Idempotency-Key": "malformed"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that must be refused. `body`: changes to a valid one, or raw bytes."""

    name: str
    status: int
    field: str
    body: dict[str, Any] | bytes | None = None
    method: str = "POST"
    path: str = BOOK
    headers: dict[str, str] = made(default_factory=lambda: dict(KEY))
    content_type: str | None = JSON

    def __str__(self) -> str:
        return self.name


def guest(**changes: Any) -> dict[str, Any]:
    return {"guest": {"name": "Ada", "email": "ada@example.com"} | changes}


def without(name: str) -> dict[str, Any]:
    return {name: _LEFT_OUT}


_LEFT_OUT = object()


def text_of(bad: Bad, stand: Stand) -> bytes | None:
    if bad.body is None or isinstance(bad.body, bytes):
        return bad.body
    whole = stand.body(**bad.body)
    kept = {name: value for name, value in whole.items() if value is not _LEFT_OUT}
    return json.dumps(kept).encode()


def availability(query: str) -> str:
    return f"/api/v1/restaurants/demo/availability?{query}"


def _table() -> list[Bad]:
    return [*_sizes(), *_starts(), *_guests(), *_others(), *_texts(), *_headers(), *_queries()]


def _sizes() -> list[Bad]:
    wrong: dict[str, Any] = {
        "a text": "2",
        "true": True,
        "a fraction": 2.5,
        "a whole float": 2.0,
        "null": None,
        "a list": [2],
        "zero": 0,
        "negative": -1,
        "over the limit": 9,
        "huge": 10**15,
        "beyond 64 bits": 10**40,
    }
    found = [
        Bad(f"party_size: {name}", 422, "party_size", {"party_size": value})
        for name, value in wrong.items()
    ]
    return [*found, Bad("party_size: missing", 422, "party_size", without("party_size"))]


def _starts() -> list[Bad]:
    wrong: dict[str, Any] = {
        "without an offset": "2027-05-01T19:00:00",
        "a date": "2027-05-01",
        "words": "tomorrow at eight",
        "a number": 1800000000,
        "null": None,
        "off the grid": "2027-05-01T19:07:00+02:00",
        "seconds": "2027-05-01T19:00:30+02:00",
        "fractions": "2027-05-01T19:00:00.000001+02:00",
        "a 31st of April": "2027-04-31T19:00:00+02:00",
        "hour 25": "2027-05-01T25:00:00+02:00",
        "a leap second": "2027-05-01T19:59:60Z",
        "offset of a day": "2027-05-01T19:00:00+24:00",
        "a zone's name": "2027-05-01T19:00:00 Europe/Berlin",
        "an unknown zone": "2027-05-01T19:00:00[Mars/Olympus]",
        "year 1": "0001-01-01T00:00:00+14:00",
        "year 9999": "9999-12-31T23:45:00-14:00",
        "in the past": "2020-05-01T19:00:00+02:00",
        "beyond the window": "2199-05-01T19:00:00+02:00",
        "in the spring gap, naive": "2027-03-28T02:30:00",
        "in the spring gap": "2027-03-28T02:30:00+01:00",
        "Arabic digits": "٢٠٢٧-05-01T19:00:00Z",
        "empty": "",
    }
    found = [Bad(f"start: {name}", 422, "start", {"start": value}) for name, value in wrong.items()]
    return [*found, Bad("start: missing", 422, "start", without("start"))]


def _guests() -> list[Bad]:
    wrong: dict[str, tuple[str, dict[str, Any]]] = {
        "name empty": ("guest.name", guest(name="")),
        "name of blanks": ("guest.name", guest(name="   ")),
        "name of 121": ("guest.name", guest(name="a" * 121)),
        "name very long": ("guest.name", guest(name="a" * 50_000)),
        "name with NUL": ("guest.name", guest(name="Ada\x00Lovelace")),
        "name with a line break": ("guest.name", guest(name="Ada\nBcc: all@example.com")),
        "name turned around": ("guest.name", guest(name="Ada \u202egnp.exe")),
        "name a number": ("guest.name", guest(name=7)),
        "e-mail without @": ("guest.email", guest(email="ada.example.com")),
        "e-mail with NUL": ("guest.email", guest(email="ada\x00@example.com")),
        "e-mail with a header": ("guest.email", guest(email="a@example.com\nBcc: b@example.com")),
        "e-mail very long": ("guest.email", guest(email="a" * 250 + "@example.com")),
        "e-mail a list": ("guest.email", guest(email=["ada@example.com"])),
        "two e-mails": ("guest.email", guest(email="a@example.com, b@example.com")),
        "phone of letters": ("guest.phone", guest(phone="call me")),
        "phone without country": ("guest.phone", guest(phone="030 901820")),
        "phone too short": ("guest.phone", guest(phone="+49 1")),
        "phone too long": ("guest.phone", guest(phone="+49" + "1" * 30)),
        "phone of no country": ("guest.phone", guest(phone="+999 123456789")),
        "phone a number": ("guest.phone", guest(phone=4930901820)),
        "locale unknown": ("guest.locale", guest(locale="klingon!")),
        "locale a path": ("guest.locale", guest(locale="../../etc/passwd")),
        "no contact": ("guest", {"guest": {"name": "Ada"}}),
        "unknown field": ("guest.vip", guest(vip=True)),
        "a list": ("guest", {"guest": []}),
        "null": ("guest", {"guest": None}),
    }
    return [Bad(f"guest: {name}", 422, path, body) for name, (path, body) in wrong.items()]


def _others() -> list[Bad]:
    return [
        Bad("area unknown", 422, "area", {"area": "roof"}),
        Bad("area with a quote", 422, "area", {"area": "hall' OR 1=1"}),
        Bad("area a number", 422, "area", {"area": 1}),
        Bad("note of 1001", 422, "note", {"note": "x" * 1001}),
        Bad("note with NUL", 422, "note", {"note": "a\x00b"}),
        Bad("note a list", 422, "note", {"note": ["a"]}),
        Bad("waitlist a text", 422, "waitlist", {"waitlist": "yes"}),
        Bad("unknown field", 422, "table", {"table": 7}),
        Bad("status given", 422, "status", {"status": "confirmed"}),
        Bad("unknown restaurant", 404, "", {}, path="/api/v1/restaurants/nowhere/reservations"),
        Bad("slug with NUL", 404, "", {}, path="/api/v1/restaurants/de%00mo/reservations"),
        Bad("slug too long", 404, "", {}, path=f"/api/v1/restaurants/{'a' * 300}/reservations"),
        Bad("slug climbing", 404, "", {}, path="/api/v1/restaurants/..%2f..%2fetc/reservations"),
    ]


def _texts() -> list[Bad]:
    twice = (
        b'{"party_size": 2, "party_size": 8, "start": "2027-05-01T19:00:00+02:00",'
        b' "guest": {"name": "Ada", "email": "ada@example.com"}}'
    )
    within = twice.replace(b'"party_size": 8,', b"").replace(b'"name"', b'"name": "Eve", "name"')
    raw = {
        "no body": (400, "body", b""),
        "broken": (400, "body", b'{"party_size": 2'),
        "not UTF-8": (400, "body", b'{"note": "\xff\xfe"}'),
        "lone surrogate": (400, "body", b'{"note": "\\ud800"}'),
        "NaN": (400, "body", b'{"party_size": NaN}'),
        "a list": (400, "body", b"[]"),
        "null": (400, "body", b"null"),
        "nested too deep": (400, "body", b"[" * 5_000),
        "nested deep": (400, "body", b"[" * 1_010 + b"]" * 1_010),
        "5,000 digits": (400, "body", b'{"party_size": ' + b"9" * 5_000 + b"}"),
        "a key twice": (400, "party_size", twice),
        "a key twice within": (400, "name", within),
        "too large": (413, "", b'{"note": "' + b"x" * 70_000 + b'"}'),
    }
    found = [Bad(f"body: {name}", status, path, text) for name, (status, path, text) in raw.items()]
    types = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None)
    return found + [Bad(f"content type {kind}", 415, "", {}, content_type=kind) for kind in types]


def _headers() -> list[Bad]:
    keys: dict[str, dict[str, str]] = {
        "missing": {},
        "empty": {"Idempotency-Key": ""},
        "blank": {"Idempotency-Key": "   "},
        "of 201": {"Idempotency-Key": "k" * 201},
        "not ASCII": {"Idempotency-Key": "schl\u00fcssel"},
        "with a tab": {"Idempotency-Key": "a\tb"},
    }
    return [
        Bad(f"Idempotency-Key: {name}", 400, "Idempotency-Key", {}, headers=headers)
        for name, headers in keys.items()
    ]


def _queries() -> list[Bad]:
    wrong: dict[str, tuple[str, str, int]] = {
        "no date": ("date", "party_size=2", 422),
        "no party": ("party_size", "date=2027-05-01", 422),
        "date of words": ("date", "date=tomorrow&party_size=2", 422),
        "a 30th of February": ("date", "date=2027-02-30&party_size=2", 422),
        "year 1": ("date", "date=0001-01-01&party_size=2", 422),
        "party of words": ("party_size", "date=2027-05-01&party_size=two", 422),
        "party negative": ("party_size", "date=2027-05-01&party_size=-2", 422),
        "party zero": ("party_size", "date=2027-05-01&party_size=0", 422),
        "party with NUL": ("party_size", "date=2027-05-01&party_size=2%00", 422),
        "party in Arabic digits": ("party_size", "date=2027-05-01&party_size=%D9%A2", 422),
        "area unknown": ("area", "date=2027-05-01&party_size=2&area=roof", 422),
        "unknown parameter": ("limit", "date=2027-05-01&party_size=2&limit=1", 422),
        "party twice": ("party_size", "date=2027-05-01&party_size=2&party_size=8", 400),
    }
    return [
        Bad(f"query: {name}", status, path, method="GET", path=availability(query))
        for name, (path, query, status) in wrong.items()
    ]


MALFORMED: list[Bad] = _table()
