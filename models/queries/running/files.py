"""A restaurant's files: the current version of each name, and its earlier versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.core.errors import NotFound
from models.entities.files import File, FileVersion

#: The name of the picture that the pages show.
LOGO: Final = "logo"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a name, without its content. If withdrawn, all after `actor` are None."""

    name: str
    version: int
    at: datetime
    actor: str
    sha256: bytes | None
    media_type: str | None
    size: int | None
    width: int | None
    height: int | None


def last_version(session: Session, restaurant_id: int, name: str) -> FileVersion | None:
    """Return the name's current version; without a `sha256` it was withdrawn."""
    row = FileVersion
    query = select(row).where(row.restaurant_id == restaurant_id, row.name == name)
    return session.scalars(query.order_by(row.version.desc()).limit(1)).one_or_none()


def logo_of(session: Session, restaurant_id: int) -> int | None:
    """Return the version of the restaurant's logo, if it has one."""
    last = last_version(session, restaurant_id, LOGO)
    return last.version if last and last.sha256 else None


def files_of(session: Session, restaurant_id: int) -> list[StoredVersion]:
    """Return every version of every name, by name, the newest first."""
    row = FileVersion
    same = and_(File.restaurant_id == row.restaurant_id, File.sha256 == row.sha256)
    query = (
        select(
            row.name,
            row.version,
            row.at,
            row.actor,
            row.sha256,
            File.media_type,
            File.size,
            File.width,
            File.height,
        )
        .outerjoin(File, same)
        .where(row.restaurant_id == restaurant_id)
        .order_by(row.name, row.version.desc())
    )
    return [StoredVersion(*found) for found in session.execute(query)]


def file_of(
    session: Session, restaurant_id: int, name: str, version: int | None = None
) -> tuple[str, bytes]:
    """Return a version's media type and content; without `version`, the current one's.

    Raises NotFound.
    """
    if version is None:
        last = last_version(session, restaurant_id, name)
        version = last.version if last else 0
    row = FileVersion
    query = (
        select(File.media_type, File.content)
        .join(row, and_(File.restaurant_id == row.restaurant_id, File.sha256 == row.sha256))
        .where(row.restaurant_id == restaurant_id, row.name == name, row.version == version)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound("there is no file with that name")
    return found.media_type, found.content
