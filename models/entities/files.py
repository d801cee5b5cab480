"""The restaurants' files: each content is stored once, and versions of names refer to contents."""

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
    #: image/png | image/jpeg | image/webp, by its content and not by its file name
    media_type: Mapped[str] = mapped_column(String(32))
    size: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    #: at most `models.rules.pictures.BYTES_MAX`, which is below the limit of MySQL's BLOB
    content: Mapped[bytes] = mapped_column(LargeBinary)


class FileVersion(Base):
    """The content of a name since `at`. Without a `sha256` it was withdrawn."""

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
