"""Forgetting guests: identity goes, statistics stay, and a restore does not bring them back."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from deploy.cli import main
from models.core.db import reading
from models.core.errors import Invalid, StateConflict
from models.core.settings import settings
from models.entities import Erasure, Message, Reservation, TableOccupancy
from models.operations.arrivals import seat
from models.operations.privacy import erase_guest, read_erasures, replay_erasures
from models.queries.privacy import export_guest
from tests.operations.evenings import a_stand
from tests.services.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
ADA, PHONE = "ada@example.com", "+4930123456"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def stand(db: Engine) -> Stand:
    """A house where Ada has a table, and another guest too."""
    stand = a_stand(db)
    stand.ask(email=ADA, phone=PHONE, note="nuts")
    stand.ask(email="grace@example.com")
    return stand


def erase(stand: Stand, contact: str = ADA, *, cancel: bool = True) -> list[str]:
    return stand.do(
        lambda session: erase_guest(session, contact, cancel=cancel, now=LATER, actor=STAFF)
    )


def replay(stand: Stand) -> int:
    lines = read_erasures(settings().erasures_file)
    return stand.do(lambda session: replay_erasures(session, lines, now=LATER))


def numbers(stand: Stand, contact: str) -> list[int]:
    with Session(stand.bind) as session:
        return [row["id"] for row in export_guest(session, contact)["reservations"]]


def test_an_export_has_everything_of_the_guest_alone(stand: Stand) -> None:
    with reading() as session:
        found = export_guest(session, ADA.upper())
        assert len(export_guest(session, PHONE)["reservations"]) == 1
        assert export_guest(session, "nobody@example.com")["reservations"] == []
        elsewhere = export_guest(session, ADA, restaurant_id=stand.house.id + 1)
    (row,) = found["reservations"]
    assert (row["guest"]["email"], row["guest"]["phone"], row["note"]) == (ADA, PHONE, "nuts")
    assert row["restaurant"] == stand.house.slug
    assert [move["after"] for move in row["history"]][-1] == "confirmed"
    assert {message["kind"] for message in row["messages"]} >= {"confirmation"}
    assert elsewhere["reservations"] == []
    assert b"grace" not in orjson.dumps(found)


def test_what_has_not_ended_is_in_the_way_unless_cancelled(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    with pytest.raises(StateConflict, match=stand.row(number).reference):
        erase(stand, cancel=False)
    assert stand.row(number).guest.email == ADA
    assert not settings().erasures_file.exists()
    assert erase(stand) == [stand.row(number).reference]
    assert stand.row(number).status == "cancelled"


def test_a_party_at_its_table_is_not_erased(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    stand.move(seat, number, now=START)
    with pytest.raises(StateConflict, match="not ended"):
        erase(stand)
    assert stand.row(number).guest.email == ADA


def test_identity_goes_and_statistics_stay(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    (other,) = numbers(stand, "grace@example.com")
    before = stand.row(number)
    erase(stand, PHONE)
    row = stand.row(number)
    assert (row.guest.name, row.guest.email, row.guest.phone, row.guest.note) == (
        ("erased", None, None, "")
    )
    assert (row.email_key, row.phone_key) == (None, None)
    assert (row.party_size, row.starts_at, row.created_at) == (
        (before.party_size, before.starts_at, before.created_at)
    )
    assert row.revision > before.revision
    assert stand.row(other).guest.email == "grace@example.com"
    with Session(stand.bind) as session:
        told = session.scalars(select(Message).where(Message.reservation_id == number)).all()
        held = session.scalars(
            select(TableOccupancy).where(TableOccupancy.reservation_id == number)
        ).all()
        kept = session.scalars(select(Erasure)).one()
    assert {message.state for message in told} == {"skipped"}
    assert all(message.provider_id is None for message in told)
    assert held == []
    assert (kept.restaurant_id, kept.at, kept.actor) == (stand.house.id, LATER, STAFF)
    assert len(kept.contact) == 16
    text = settings().erasures_file.read_text()
    assert "ada" not in text and PHONE not in text
    assert kept.contact.hex() in text


def test_a_restored_guest_is_erased_again_and_one_who_came_back_is_not(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    guest = stand.row(number).guest
    erase(stand)
    back = stand.ask(email=ADA, now=LATER + timedelta(minutes=1))

    def restore(session: Session) -> None:
        session.get_one(Reservation, number).guest = guest

    stand.do(restore)
    assert sorted(numbers(stand, ADA)) == [number, back]
    assert replay(stand) == 1
    assert numbers(stand, ADA) == [back]
    assert stand.row(back).status == "confirmed"
    assert replay(stand) == 0


def test_a_damaged_file_is_named_and_a_cut_end_left_out(stand: Stand, tmp_path: Path) -> None:
    erase(stand)
    whole = settings().erasures_file.read_bytes()
    file = tmp_path / "copy.jsonl"
    file.write_bytes(whole + whole[:-9])
    assert len(read_erasures(file)) == 1
    file.write_bytes(b"{}\n" + whole)
    with pytest.raises(Invalid, match="line 1"):
        read_erasures(file)


def run(*args: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, ["guest", *args])
    assert result.exit_code == ends, result.output
    return result.output


def test_the_commands(stand: Stand) -> None:
    slug = stand.house.slug
    assert orjson.loads(run("export", ADA, "--restaurant", slug))["reservations"][0]["note"]
    assert "not ended yet" in run("erase", ADA, ends=1)
    assert "erased from 1 reservations" in run("erase", ADA, "--restaurant", slug, "--cancel")
    assert orjson.loads(run("export", ADA))["reservations"] == []
    assert "1 erasures: 0 reservations" in run("replay", str(settings().erasures_file))
    assert CliRunner().invoke(main, ["check", "--grace", "100000000"]).exit_code == 0
