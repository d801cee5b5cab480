"""The acts of an evening's history."""

from enum import StrEnum


class Act(StrEnum):
    """What a host did about an evening. Public: named by the API."""

    BLOCK = "block"
    LIFT = "lift"
    STOP = "stop"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    MOVE = "move"
    SECTIONS = "sections"


class Fate(StrEnum):
    """What becomes of the parties to come. Public: named by the API."""

    KEEP = "keep"
    CANCEL = "cancel"
    MOVE = "move"
    MOVE_OR_CANCEL = "move_or_cancel"
