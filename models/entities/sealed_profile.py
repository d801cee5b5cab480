"""Encrypted values of the guest book, each bound to its record by the record's reference."""

from dataclasses import dataclass, field

import orjson

from models.core.secrets.encryption import seal, unseal

#: Names of reservations that a record remembers, the newest first.
NAMES_MOST = 5


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about a guest. Excluded from repr, and so from logs."""

    #: as on the reservations, the newest first
    names: tuple[str, ...] = field(default=(), repr=False)
    #: chosen by the staff; empty: the newest of `names`
    name: str = field(default="", repr=False)
    allergies: str = field(default="", repr=False)
    tags: tuple[str, ...] = field(default=(), repr=False)
    block_reason: str = field(default="", repr=False)

    @property
    def shown_name(self) -> str:
        """The name by which the staff know the guest."""
        return self.name or next(iter(self.names), "")

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name by which the guest is found."""
        return (self.name, *self.names) if self.name else self.names


def seal_profile(profile: Profile, *, reference: str) -> bytes:
    """Encrypt it for the record with that reference."""
    plain = {
        "names": profile.names,
        "name": profile.name,
        "allergies": profile.allergies,
        "tags": profile.tags,
        "block_reason": profile.block_reason,
    }
    return seal(orjson.dumps(plain), about=_about(reference))


def open_profile(sealed: bytes, *, reference: str) -> Profile:
    """Decrypt it. Raises DecryptionFailed if this is not the value of that record."""
    plain = orjson.loads(unseal(sealed, about=_about(reference)))
    return Profile(
        tuple(plain["names"]),
        plain["name"],
        plain["allergies"],
        tuple(plain["tags"]),
        plain["block_reason"],
    )


def seal_text(text: str, *, kind: str, reference: str) -> bytes:
    """Encrypt a text of a record: `kind` is `contact` or `note`."""
    return seal(text.encode(), about=f"{kind} of guest {reference}")


def open_text(sealed: bytes, *, kind: str, reference: str) -> str:
    """Decrypt such a text. Raises DecryptionFailed."""
    return unseal(sealed, about=f"{kind} of guest {reference}").decode()


def _about(reference: str) -> str:
    return f"guest {reference}"
