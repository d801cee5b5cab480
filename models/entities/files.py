"""The house's files: each content once, and names whose versions point to contents."""

from datetime import datetime

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.core.database.transactions import Base
from models.core.database.types import BigId, UtcDateTime, digest


class File(Base):
    """A content of one restaurant, under its SHA-256. Never changed."""

    __tablename__ = "files"

    restaurant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[bytes] = mapped_column(digest(32), primary_key=True)
    #: image/png | image/jpeg | image/webp, by what it is and not by what it was called
    media_type: Mapped[str] = mapped_column(String(32))
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    #: at most rules.pictures.BYTES_MAX, which is less than MySQL's BLOB takes
    content: Mapped[bytes] = mapped_column(LargeBinary)


class FileVersion(Base):
    """What a name stood for since `at`. Without a `sha256` it was withdrawn."""

    __tablename__ = "file_versions"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "name", "version", name="uq_file_versions_version"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    restaurant_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(63))
    version: Mapped[int]
    sha256: Mapped[bytes | None] = mapped_column(digest(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(40))
