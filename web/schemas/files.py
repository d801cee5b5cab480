"""Models of a restaurant's files."""

from pydantic import Field

from web.schemas.answers import Moment, Outgoing
from web.schemas.guests import EntryId
from web.schemas.requests import Incoming


class FileQuery(Incoming):
    """The version to read."""

    version: EntryId | None = Field(None, description="default: the newest")


class FileOut(Outgoing):
    """The current version of a name."""

    name: str
    version: int


class FileVersionOut(Outgoing):
    """One version of a name."""

    version: int
    at: Moment
    actor: str
    sha256: str | None = Field(description="null: the name was removed")
    media_type: str | None
    size: int | None
    width: int | None
    height: int | None


class NamedFileOut(Outgoing):
    """A name and its versions, newest first."""

    name: str
    versions: list[FileVersionOut]


class FilesOut(Outgoing):
    """All names of a restaurant."""

    files: list[NamedFileOut]
