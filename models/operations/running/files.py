"""A restaurant's files: contents are stored once per hash; a name's versions point to them."""

import hashlib
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import Invalid, NotFound, StateConflict
from models.entities.files import File, FileVersion
from models.entities.floor import Restaurant
from models.operations.accounts.audit import note
from models.queries.running.files import LOGO, last_version
from models.rules.picture_metadata import without_notes
from models.rules.pictures import read_picture

#: The limits for one restaurant; beyond VERSIONS_KEPT, the oldest versions are deleted.
NAMES_MAX: Final = 20
VERSIONS_KEPT: Final = 50


def keep_file(
    session: Session, restaurant_id: int, name: str, content: bytes, *, now: datetime, actor: str
) -> int:
    """Store `content` under the name; return its version. The same content again does nothing.

    Metadata on where and by whom a picture was made is removed. Raises Invalid naming the fault of
    the content, StateConflict beyond NAMES_MAX.
    """
    try:
        picture = read_picture(content)
    except ValueError as wrong:
        raise Invalid.field("body", str(wrong)) from wrong
    content = without_notes(picture.media_type, content)
    restaurant = _locked(session, restaurant_id)
    digest = hashlib.sha256(content).digest()
    last = last_version(session, restaurant_id, name)
    if last is None:
        _check_names(session, restaurant_id)
    elif last.sha256 == digest:
        return last.version
    if session.get(File, (restaurant_id, digest)) is None:
        kept = File(
            restaurant_id=restaurant_id,
            sha256=digest,
            media_type=picture.media_type,
            size=len(content),
            width=picture.width,
            height=picture.height,
            content=content,
        )
        session.add(kept)
    return _next(session, restaurant, name, digest, now=now, actor=actor)


def withdraw_file(
    session: Session, restaurant_id: int, name: str, *, now: datetime, actor: str
) -> None:
    """Withdraw the name's current file; its versions stay stored. Raises NotFound."""
    restaurant = _locked(session, restaurant_id)
    last = last_version(session, restaurant_id, name)
    if last is None or last.sha256 is None:
        raise NotFound("there is no file with that name")
    _next(session, restaurant, name, None, now=now, actor=actor)


def _locked(session: Session, restaurant_id: int) -> Restaurant:
    """Lock the restaurant's row, which is the lock of its files."""
    query = select(Restaurant).where(Restaurant.id == restaurant_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _check_names(session: Session, restaurant_id: int) -> None:
    names = select(func.count(FileVersion.name.distinct()))
    count = session.scalar(names.where(FileVersion.restaurant_id == restaurant_id)) or 0
    if count >= NAMES_MAX:
        raise StateConflict(f"a restaurant stores at most {NAMES_MAX} different files")


def _next(
    session: Session,
    restaurant: Restaurant,
    name: str,
    digest: bytes | None,
    *,
    now: datetime,
    actor: str,
) -> int:
    last = last_version(session, restaurant.id, name)
    version = last.version + 1 if last else 1
    session.add(
        FileVersion(
            restaurant_id=restaurant.id,
            name=name,
            version=version,
            sha256=digest,
            at=now,
            actor=actor,
        )
    )
    session.flush()
    _drop_oldest(session, restaurant.id, name, version)
    if name == LOGO:
        # a new revision makes every process reload the restaurant and its logo
        restaurant.revision += 1
    action = "file.kept" if digest else "file.withdrawn"
    note(session, restaurant.id, actor=actor, action=action, about=[f"{name} {version}"], now=now)
    return version


def _drop_oldest(session: Session, restaurant_id: int, name: str, version: int) -> None:
    versions, files = table_of(FileVersion), table_of(File)
    session.execute(
        delete(versions).where(
            versions.c.restaurant_id == restaurant_id,
            versions.c.name == name,
            versions.c.version <= version - VERSIONS_KEPT,
        )
    )
    used = select(versions.c.sha256).where(
        versions.c.restaurant_id == restaurant_id, versions.c.sha256.is_not(None)
    )
    session.execute(
        delete(files).where(files.c.restaurant_id == restaurant_id, files.c.sha256.not_in(used))
    )
