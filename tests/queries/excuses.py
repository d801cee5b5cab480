"""Faults that the check cannot detect: table.column -> {mutation, or `mutation @ row`: reason}.

Names are `fnmatch` patterns. A row is named after its party and a distinguishing value.
"""

_ORDER = "a number by itself: it only orders rows, and this one stays where it was among its own"
_OPAQUE = "comes from outside, and nothing here could be held against it"
_SENT = "it was sent: nobody looks at that again"
_PAST = "the quarter is over: what was held then may be gone, and nobody is hurt by it"
_ALONE = "said once, in this column alone, and another value is as good"
_ENDED = "the party has ended: nothing depends on it any more"
_HOST = "the host may seat any party anywhere, for as long as the host likes"
_SIZE = "another size of the same turn that the table seats as well"

EXCUSED: dict[str, dict[str, str]] = {
    "reservations.party_size": {
        "* @ by staff": _HOST,
        "* @ sitting": _HOST,
        "* @ gone": _ENDED,
        "* @ declined": _ENDED,
        "one more @ tomorrow": _SIZE,
        "that of tomorrow @ waiting": _SIZE,
    },
    "reservations.ends_at": {"* @ gone": _ENDED, "* @ declined": _ENDED},
    "reservations.told_offset": {
        "null": "reservations of an older release have none",
        "* @ sitting": "who is here needs no start any more",
        "* @ gone": _ENDED,
        "* @ declined": _ENDED,
    },
    "reservations.area_id": {
        "* @ by staff": _HOST,
        "* @ sitting": _HOST,
        "* @ gone": _ENDED,
        "* @ declined": _ENDED,
        "* @ waiting": "the wish of a party that waits is nowhere but here",
        "null @ coming": "the wish is gone, and the table that it was given serves it as well",
    },
    "reservations.waitlist": {"*": "asked once, when no table was free; only who waits must have"},
    "reservations.tables_chosen": {"*": "whether the host chose them is nowhere but here"},
    "reservations.tables_locked": {"*": "that the host unlocked it again is nowhere but here"},
    "reservations.pacing_forced": {"flipped @ by staff": "only says that the host knew it"},
    "reservations.awaited": {"flipped": "only wakes a caller who waits for the answer"},
    "reservations.alternatives": {"*": "what was not offered is missed by nobody"},
    "reservations.terms": {
        "null": "reservations of the first releases have none, and the cutoff is then the start",
    },
    "reservations.created_at": {
        "ten years back @ by staff": "the staff may book as far ahead as they like",
    },
    "reservations.email_proved_at": {"minutes on": _ALONE},
    "reservations.phone_proved_at": {"minutes on": _ALONE},
    "reservations.guest_ahead": {"*": "only tells a guest's page that something has changed"},
    "reservations.notes_revision": {
        "null": "reservations of an older release have none",
        "one more": "any of the revisions that there were is as good",
        "that of *": "any of the revisions that there were is as good",
    },
    "reservations.staff_note_sealed": {"null": "that there was a note stands nowhere else"},
    "reservation_changes.answered_revision": {"null": "an older release says none"},
    "reservations.link_secret": {
        "*": "random, and kept in no other place but links that were sent"
    },
    "reservation_changes.id": {"*": _ORDER},
    "reservation_changes.area_id": {"*": "an older wish: a later one has taken its place"},
    "reservation_changes.party_size": {"*": "an older wish: a later one has taken its place"},
    "reservation_changes.awaited": {"flipped": "only wakes a caller who waits for the answer"},
    "reservation_changes.alternatives": {"null": "what was not offered is missed by nobody"},
    "reservation_moves.id": {"*": _ORDER},
    "reservation_moves.actor": {"*": "who it was stands nowhere else; what may not be is found"},
    "reservation_moves.detail": {"*": "what the host did, and why, stands nowhere else"},
    "messages.id": {"*": _ORDER},
    "messages.variant": {
        "* @ coming reminder*": "belongs to a revision that a later change has made void",
    },
    "messages.attempts": {"*": "one try more or less; too many are found"},
    "messages.claim": {"*": "the random name of a worker"},
    "messages.claimed_until": {"*": "is asked for only while a message is being sent"},
    "messages.sent_at": {"minutes on": _ALONE},
    "messages.provider_id": {"*": _OPAQUE},
    "messages.delivery": {"*": "what the provider said last stands nowhere else"},
    "messages.error": {"* @ *queued": "what the last try said, in words of the mail server"},
    "messages.due_at": {"* @ *sent": _SENT},
    "messages.created_at": {"minutes on @ *reminder*": _ALONE},
    "shift_days.revision": {"*": "only rises, so that stands know that something has changed"},
    "assignments.dining_table_id": {
        "* @ gone": "a table is free once its party has left: its past is not compared"
    },
    "table_occupancy.dining_table_id": {"* @ gone": _PAST},
    "table_occupancy.quarter_hour": {"* @ gone": _PAST},
    "table_occupancy.reservation_id": {"* @ gone": _PAST},
}
