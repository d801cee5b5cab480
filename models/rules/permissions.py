"""Permissions by role at a restaurant, in one table."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The role of an account at one restaurant."""

    OWNER = "owner"
    MANAGER = "manager"
    HOST = "host"
    VIEWER = "viewer"


class Permission(StrEnum):
    """An action that an endpoint lets the staff perform. Each endpoint names exactly one."""

    READ_BOOK = "book:read"
    WRITE_RESERVATIONS = "reservations:write"
    SEND_LINKS = "links:send"
    MOVE_PARTIES = "parties:move"
    KEEP_DOOR = "door:keep"
    BLOCK_TABLES = "tables:block"
    DIVIDE_TABLES = "tables:divide"
    STOP_ONLINE = "online:stop"
    CLOSE_BOOKS = "books:close"
    FORCE_PACING = "pacing:force"
    SQUEEZE_PARTIES = "parties:squeeze"
    OVERLAP_TURNS = "turns:overlap"
    CHANGE_FLOOR = "floor:change"
    SEND_AGAIN = "messages:send-again"
    FIND_GUESTS = "guests:find"
    WRITE_GUESTS = "guests:write"
    MERGE_GUESTS = "guests:merge"
    BLOCK_GUESTS = "guests:block"
    EXPORT_GUESTS = "guests:export"
    ERASE_GUESTS = "guests:erase"
    CHANGE_FILES = "files:change"
    READ_AUDIT = "audit:read"
    MANAGE_ACCOUNTS = "accounts:manage"
    SWITCH_FLAGS = "flags:switch"


_VIEWER: Final = frozenset({Permission.READ_BOOK})
_HOST: Final = _VIEWER | {
    Permission.WRITE_RESERVATIONS,
    Permission.SEND_LINKS,
    Permission.MOVE_PARTIES,
    Permission.KEEP_DOOR,
    Permission.BLOCK_TABLES,
    Permission.DIVIDE_TABLES,
    Permission.STOP_ONLINE,
    Permission.SEND_AGAIN,
    Permission.FIND_GUESTS,
    Permission.WRITE_GUESTS,
}
_MANAGER: Final = _HOST | {
    Permission.FORCE_PACING,
    Permission.CLOSE_BOOKS,
    Permission.SQUEEZE_PARTIES,
    Permission.OVERLAP_TURNS,
    Permission.MERGE_GUESTS,
    Permission.BLOCK_GUESTS,
    Permission.EXPORT_GUESTS,
    Permission.ERASE_GUESTS,
    Permission.CHANGE_FILES,
}
_OWNER: Final = _MANAGER | {
    Permission.CHANGE_FLOOR,
    Permission.MANAGE_ACCOUNTS,
    Permission.READ_AUDIT,
    Permission.SWITCH_FLAGS,
}

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEWER,
    Role.HOST: _HOST,
    Role.MANAGER: _MANAGER,
    Role.OWNER: _OWNER,
}


def may(role: Role, permission: Permission) -> bool:
    """Whether `role` has that permission."""
    return permission in PERMISSIONS[role]
