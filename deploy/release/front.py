"""Check the public address as a guest uses it: nginx, over TLS, by the public host name."""

import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx

from deploy.release.comparison import safe_counts
from deploy.release.errors import ReleaseFailed
from deploy.release.place import Place, Slot
from models.core.settings import settings
from models.core.waiting import wait_until

OFF: Final = "off"
#: Every web process answers this path and counts it in its metrics.
_PATH: Final = "/api/v1/restaurants/release-test"
#: How long to wait for the count to rise: a web process's metrics may be a second old.
COUNTED_SECONDS: Final = 5.0
_GATEWAY: Final = frozenset({502, 503, 504})


def is_asked() -> bool:
    """Return whether RELEASE_FRONT names an address to check."""
    return settings().release_front != OFF


def check_there() -> None:
    """Check that the public address answers at all, with any status. Raises ReleaseFailed."""
    _ask()


def check_leads_to(place: Place, slot: Slot) -> None:
    """Check that the public address leads to this slot. Raises ReleaseFailed with the obstacle."""
    before = safe_counts(place, slot)
    answer = _ask()
    if answer.status_code in _GATEWAY:
        raise ReleaseFailed(
            f"nginx returned {answer.status_code}: can its workers open the sockets in"
            f" {place.sockets}? (the folder belongs to their group; see nginx's error log)"
        )
    if answer.is_server_error:
        raise ReleaseFailed(f"GET {_PATH} through nginx: {answer.status_code}")

    def is_counted() -> bool:
        after = safe_counts(place, slot)
        return before is not None and after is not None and after.answers > before.answers

    if not wait_until(is_counted, every=0.2, seconds=COUNTED_SECONDS):
        raise ReleaseFailed(
            f"nginx answers, but not from {place.sockets}: does it follow the links?"
        )


def _ask() -> httpx.Response:
    front, name = settings().release_front, urlsplit(settings().public_url).hostname or "localhost"
    # the machine's authorities and SSL_CERT_FILE: fails on certificates that a browser would reject
    proved = ssl.create_default_context()
    try:
        with httpx.Client(base_url=front, verify=proved, timeout=15) as client:
            return client.get(_PATH, headers={"Host": name}, extensions={"sni_hostname": name})
    except httpx.HTTPError as error:
        raise ReleaseFailed(
            f"{front} does not answer as {name} (RELEASE_FRONT): {error}"
        ) from error
