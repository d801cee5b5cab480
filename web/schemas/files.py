"""The house's files, described."""

from pydantic import Field

from web.schemas.answers import Moment, Outgoing
from web.schemas.guests import EntryId
from web.schemas.requests import Incoming


class FileQuery(Incoming):
    """Which version."""

    version: EntryId | None = Field(None, description="an earlier one; left out: the newest")


class FileOut(Outgoing):
    """What a name stands for now."""

    name: str
    version: int


class FileVersionOut(Outgoing):
    """One version of a name."""

    version: int
    at: Moment
    actor: str
    sha256: str | None = Field(description="null: from then on the name stood for nothing")
    media_type: str | None
    size: int | None
    width: int | None
    height: int | None


class NamedFileOut(Outgoing):
    """A name, and its versions from the newest."""

    name: str
    versions: list[FileVersionOut]


class FilesOut(Outgoing):
    """All names of a restaurant."""

    files: list[NamedFileOut]
