"""The way in, asked as a guest comes: nginx, over TLS, by the name that guests use."""

import ssl
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

import httpx

from deploy.release.place import Place, Slot
from deploy.release.watch import safe_counts
from deploy.release.wrong import NotWell
from models.core.settings import settings

OFF: Final = "off"
#: Answered by every web process, and counted there.
_PATH: Final = "/api/v1/restaurants/release-test"
#: What a web process tells of its counts may be a second old.
COUNTED_SECONDS: Final = 5.0
_GATEWAY: Final = frozenset({502, 503, 504})


def is_asked() -> bool:
    """Whether RELEASE_FRONT names a way in."""
    return settings().release_front != OFF


def check_there() -> None:
    """Somebody answers at the way in, whatever it says. Raises NotWell."""
    _ask()


def check_leads_to(place: Place, slot: Slot) -> None:
    """The way in leads to this slot. Raises NotWell with what stands in the way."""
    before = safe_counts(place, slot)
    answer = _ask()
    if answer.status_code in _GATEWAY:
        raise NotWell(
            f"nginx says {answer.status_code}: can its workers open the sockets in {place.sockets}?"
            " (the folder belongs to their group; see nginx's error log)"
        )
    if answer.is_server_error:
        raise NotWell(f"GET {_PATH} through nginx: {answer.status_code}")
    ends = monotonic() + COUNTED_SECONDS
    while monotonic() < ends:
        after = safe_counts(place, slot)
        if before is not None and after is not None and after.answers > before.answers:
            return
        sleep(0.2)
    raise NotWell(f"nginx answers, and not from {place.sockets}: does it follow the links?")


def _ask() -> httpx.Response:
    front, name = settings().release_front, urlsplit(settings().public_url).hostname or "localhost"
    # the machine's own authorities, and those of SSL_CERT_FILE: what a browser would refuse is told
    proved = ssl.create_default_context()
    try:
        with httpx.Client(base_url=front, verify=proved, timeout=15) as client:
            return client.get(_PATH, headers={"Host": name}, extensions={"sni_hostname": name})
    except httpx.HTTPError as error:
        raise NotWell(f"{front} does not answer as {name} (RELEASE_FRONT): {error}") from error
