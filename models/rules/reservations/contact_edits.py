"""Changes of a reservation's contact, encoded in the reason of the edit's move."""

from collections.abc import Mapping
from typing import Final

#: A move that changed details only; after a colon it may list the changes of the contact.
EDITED_REASON: Final = "edited"
EMAIL: Final = "email"
SMS: Final = "sms"
CHANNELS: Final = (EMAIL, SMS)
#: Marks of a channel: the contact was added, replaced or removed.
ADDED: Final = "+"
REPLACED: Final = "~"
DROPPED: Final = "-"


def edit_reason(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> str:
    """The reason of an edit, with its changes of the contact (channel -> address or number).

    `edited`, or `edited:+sms,~email`: so the history shows how the guest could be reached at any
    time.
    """
    marks = [
        _mark(before.get(channel), after.get(channel)) + channel
        for channel in CHANNELS
        if (before.get(channel) or "") != (after.get(channel) or "")
    ]
    return f"{EDITED_REASON}:{','.join(marks)}" if marks else EDITED_REASON


def contact_marks(reason: str) -> dict[str, str]:
    """Parse the reason of an edit: channel -> ADDED, REPLACED or DROPPED. Else empty."""
    before, _, marks = reason.partition(":")
    if before != EDITED_REASON:
        return {}
    return {mark[1:]: mark[0] for mark in marks.split(",") if mark[1:] in CHANNELS}


def _mark(before: str | None, after: str | None) -> str:
    if not before:
        return ADDED
    return REPLACED if after else DROPPED
