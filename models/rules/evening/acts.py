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
    SECTIONS = "sections"
