"""Request headers: Idempotency-Key, Prefer, If-Match, If-None-Match."""

import re
from typing import Final

from flask import Response, request

from models.core.settings import settings
from web.http.problems import BadRequest

_KEY: Final = re.compile(r"[\x20-\x7e]{1,200}\Z")
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,4})\"?\s*(?=$|[,;])", re.IGNORECASE)
_REVISION: Final = re.compile(r"(?:W/)?\"(\d{1,9})\"\Z")
_ANY_TAG: Final = re.compile(r"(?:W/)?\"[\x21\x23-\x7e]*\"\Z")
_NO_REVISION: Final = -1


def idempotency_key() -> str:
    """Return the Idempotency-Key: 1 to 200 printable ASCII characters. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise BadRequest.field(
            "Idempotency-Key", "is required: a text that is unique for each request"
        )
    if not _KEY.match(key):
        raise BadRequest.field("Idempotency-Key", "must be 1 to 200 printable ASCII characters")
    return key


def wait_seconds() -> int:
    """Return the N of `Prefer: wait=N`, at most WAIT_SECONDS_MAX. 0 if absent or malformed."""
    found = _WAIT.search(",".join(request.headers.getlist("Prefer")))
    return min(int(found.group(1)), settings().wait_seconds_max) if found else 0


def if_revision() -> int | None:
    """Return the revision of If-Match; None without it or with `*`. Raises BadRequest.

    A well-formed tag that we never issue maps to an impossible revision, so the answer is 412.
    """
    value = request.headers.get("If-Match")
    if value is None or value.strip() == "*":
        return None
    if found := _REVISION.match(value.strip()):
        return int(found.group(1))
    if _ANY_TAG.match(value.strip()):
        return _NO_REVISION
    raise BadRequest.field("If-Match", "must be one ETag in double quotes, or *")


def revision_tag(revision: int) -> str:
    """Return a reservation's ETag."""
    return f'"{revision}"'


def not_modified(answer: Response, tag: str) -> Response:
    """Set the ETag, and turn the response into a 304 if the caller's copy is current."""
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = "no-cache"
    held = request.if_none_match
    if held.star_tag or held.contains_weak(tag.strip('"')):
        answer.status_code = 304
        answer.set_data(b"")
        del answer.headers["Content-Type"]
        del answer.headers["Content-Length"]
    return answer
