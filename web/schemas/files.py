"""Models of a restaurant's files."""

from pydantic import Field

from web.schemas.answers import Moment, ResponseModel
from web.schemas.guests import EntryId
from web.schemas.requests import RequestModel


class FileQuery(RequestModel):
    """The version to read."""

    version: EntryId | None = Field(None, description="default: the newest")


class FileOut(ResponseModel):
    """The current version of a name."""

    name: str
    version: int


class FileVersionOut(ResponseModel):
    """One version of a name."""

    version: int
    at: Moment
    actor: str
    sha256: str | None = Field(description="null: the name was removed")
    media_type: str | None
    size: int | None
    width: int | None
    height: int | None


class NamedFileOut(ResponseModel):
    """A name and its versions, newest first."""

    name: str
    versions: list[FileVersionOut]


class FilesOut(ResponseModel):
    """All names of a restaurant."""

    files: list[NamedFileOut]
