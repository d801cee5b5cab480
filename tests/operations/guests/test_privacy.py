"""Erasure: identities are deleted, statistics stay, and a restore does not undo it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from deploy.cli.main import main
from models.core.database.transactions import reading
from models.core.errors import StateConflict
from models.core.settings import settings
from models.entities import (
    AuditEntry,
    Consent,
    Erasure,
    Message,
    Reservation,
    ReservationMove,
    TableOccupancy,
)
from models.operations.deciding.books import lock_reservation
from models.operations.guests.consents import say_consent
from models.operations.guests.erasures import ErasureLine, read_erasures
from models.operations.guests.privacy import Erased, erase_guest, replay_erasure
from models.operations.reservations.changes import edit_details
from models.operations.reservations.history import write_move
from models.operations.stand.arrivals import seat
from models.queries.guests.privacy import export_guest
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import ConsentSaid, GuestDetails
from tasks.jobs.stand import STAND_JOBS
from tests.operations.evenings import a_stand, rows_of
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
ADA, PHONE = "ada@example.com", "+4930123456"
NEW_ADA = "lovelace@example.com"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def stand(db: Engine) -> Stand:
    """A restaurant where Ada and another guest have tables."""
    stand = a_stand(db)
    stand.ask(email=ADA, phone=PHONE, note="nuts")
    stand.ask(email="grace@example.com")
    return stand


def erase(stand: Stand, contact: str = ADA, *, cancel: bool = True) -> Erased:
    return stand.do(
        lambda session: erase_guest(session, contact, cancel=cancel, now=LATER, actor=STAFF)
    )


def replay(stand: Stand) -> int:
    count = 0
    for line in read_erasures(settings().erasures_file).lines:
        assert isinstance(line, ErasureLine)
        count += _replay(stand, line)
    return count


def _replay(stand: Stand, line: ErasureLine) -> int:
    return stand.do(lambda session: replay_erasure(session, line, now=LATER))


def kept(stand: Stand, number: int) -> Mapping[str, Any]:
    """A backup's data of a reservation's guest."""
    row = Reservation
    columns = (row.guest_sealed, row.email_key, row.phone_key, row.forgotten_at)
    with Session(stand.bind) as session:
        return dict(session.execute(select(*columns).where(row.id == number)).one()._mapping)


def restore(stand: Stand, number: int, backup: Mapping[str, Any]) -> None:
    """Reset the database to that backup, from before the erasure."""
    there = update(Reservation).where(Reservation.id == number).values(**backup)
    stand.plant(there, delete(Erasure))


def numbers(stand: Stand, contact: str) -> list[int]:
    with Session(stand.bind) as session:
        return [row["id"] for row in export_guest(session, contact)["reservations"]]


def consent(stand: Stand, number: int, *, given: bool = True, at: Any = NOW) -> None:
    known = {"email_proved_at": NOW, "phone_proved_at": NOW}
    stand.plant(update(Reservation).where(Reservation.id == number).values(**known))
    said = ConsentSaid(given, "page-1", "manage", "guest")
    stand.do(lambda session: say_consent(session, number, said, now=at))


def test_an_export_has_everything_of_the_guest_alone(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    consent(stand, number)
    with reading() as session:
        found = export_guest(session, ADA.upper())
        assert len(export_guest(session, PHONE)["reservations"]) == 1
        assert export_guest(session, "nobody@example.com")["reservations"] == []
        elsewhere = export_guest(session, ADA, restaurant_id=stand.restaurant.id + 1)
    (row,) = found["reservations"]
    assert (row["guest"]["email"], row["guest"]["phone"], row["note"]) == (ADA, PHONE, "nuts")
    assert row["restaurant"] == stand.restaurant.slug
    assert len(row["tables"]) == 1
    assert [move["after"] for move in row["history"]][-1] == "confirmed"
    assert {message["kind"] for message in row["messages"]} >= {"confirmation"}
    # found by e-mail, and the consent given for the phone is included
    assert [(each["channel"], each["given"]) for each in found["consents"]] == [
        ("email", True),
        ("sms", True),
    ]
    assert (elsewhere["reservations"], elsewhere["consents"]) == ([], [])
    assert b"grace" not in orjson.dumps(found)


def test_a_broken_seal_does_not_keep_the_rest_from_the_guest(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    stand.plant(update(Reservation).where(Reservation.id == number).values(guest_sealed=b"broken"))
    with reading() as session:
        (row,) = export_guest(session, ADA)["reservations"]
    assert row["unreadable"] is True
    assert row["history"] and row["messages"]
    assert erase(stand).references == (stand.row(number).reference,)
    assert stand.row(number).guest.name == "erased"


def test_what_has_not_ended_is_in_the_way_unless_cancelled(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    with pytest.raises(StateConflict, match=stand.row(number).reference):
        erase(stand, cancel=False)
    assert stand.row(number).guest.email == ADA
    assert not settings().erasures_file.exists()
    done = erase(stand)
    assert (done.references, done.cancelled) == ((stand.row(number).reference,), 1)
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
    consent(stand, number)
    consent(stand, other)
    before = stand.row(number)
    done = erase(stand, PHONE)
    row = stand.row(number)
    assert (row.guest.name, row.guest.email, row.guest.phone, row.guest.note) == (
        ("erased", None, None, "")
    )
    assert (row.email_key, row.phone_key) == (None, None)
    assert (row.party_size, row.starts_at, row.created_at) == (
        (before.party_size, before.starts_at, before.created_at)
    )
    assert row.revision > before.revision
    assert row.forgotten_at == LATER
    assert stand.row(other).guest.email == "grace@example.com"
    others = stand.row(other).email_key
    with Session(stand.bind) as session:
        told = session.scalars(select(Message).where(Message.reservation_id == number)).all()
        held = session.scalars(
            select(TableOccupancy).where(TableOccupancy.reservation_id == number)
        ).all()
        line = session.scalars(select(Erasure)).one()
        # her e-mail's consent was deleted with her phone's: no reservation has either any more
        assert session.scalars(select(Consent.contact)).all() == [others]
    assert {message.state for message in told} == {"skipped"}
    assert all(message.provider_id is None for message in told)
    assert held == []
    assert (done.messages, done.consents) == (len(told), 2)
    assert (line.restaurant_id, line.at, line.actor) == (stand.restaurant.id, LATER, STAFF)
    text = settings().erasures_file.read_text()
    assert "ada" not in text and PHONE not in text
    assert line.contact.hex() in text and row.reference in text
    assert settings().erasures_file.stat().st_mode & 0o077 == 0


def test_what_the_staff_wrote_of_a_move_goes_and_the_move_stays(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)

    def note(session: Session) -> None:
        row, said = lock_reservation(session, number), {"text": "Ada asked for the window"}
        write_move(
            session,
            row,
            Status.CONFIRMED,
            now=NOW,
            actor=STAFF,
            reason="edited",
            detail=said,
        )

    stand.do(note)
    details = select(ReservationMove.detail).where(ReservationMove.reservation_id == number)
    absent = details.where(ReservationMove.detail.is_(None))
    with Session(stand.bind) as session:
        before = session.scalars(details.order_by(ReservationMove.id)).all()
        assert before[-1] == {"text": "Ada asked for the window"}
        assert len(session.scalars(absent).all()) == len(before) - 1
    erase(stand)
    with Session(stand.bind) as session:
        assert set(session.scalars(details)) == {None}
        assert len(session.scalars(absent).all()) > len(before)


def test_twice_is_the_same_as_once(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    erase(stand)
    before = stand.row(number)
    assert erase(stand) == Erased((), 0, 0, 0)
    assert stand.row(number).revision == before.revision
    assert rows_of(stand, Erasure) == 1


def test_a_restored_guest_is_erased_again_and_one_who_came_back_is_not(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    backup = kept(stand, number)
    erase(stand)
    back = stand.ask(email=ADA, now=LATER + timedelta(minutes=1))
    restore(stand, number, backup)
    assert sorted(numbers(stand, ADA)) == [number, back]
    assert replay(stand) == 1
    assert numbers(stand, ADA) == [back]
    assert stand.row(back).status == "confirmed"
    assert replay(stand) == 0


def test_a_guest_with_another_contact_in_the_backup_is_erased_again(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    backup = kept(stand, number)
    details = GuestDetails("Ada", NEW_ADA)
    stand.do(lambda session: edit_details(session, number, guest=details, now=LATER, actor="guest"))
    erase(stand, NEW_ADA)
    restore(stand, number, backup)
    assert stand.row(number).guest.email == ADA
    assert replay(stand) == 1
    assert stand.row(number).guest.name == "erased"
    assert numbers(stand, ADA) == []


def test_an_erasure_that_the_database_knows_is_not_carried_out_again(stand: Stand) -> None:
    (other,) = numbers(stand, "grace@example.com")
    erase(stand)
    # the staff correct a contact to Ada's: she is a guest again, in a row that is older
    details = GuestDetails("Ada", ADA)
    stand.do(lambda session: edit_details(session, other, guest=details, now=LATER, actor=STAFF))
    assert replay(stand) == 0
    assert numbers(stand, ADA) == [other]


def test_consents_of_a_backup_are_erased_again(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    erase(stand)
    back = stand.ask(email=ADA, now=LATER)
    said = Consent(
        restaurant_id=stand.restaurant.id,
        contact=stand.row(back).email_key,
        channel="email",
        purpose="marketing",
        given=True,
        at=NOW,
        source="booking",
        actor="guest",
        wording="page-1",
    )
    stand.plant(said, delete(Erasure))
    consent(stand, back, given=False, at=LATER + timedelta(minutes=5))
    replay(stand)
    with Session(stand.bind) as session:
        assert session.scalars(select(Consent.given)).all() == [False]
    assert number not in numbers(stand, ADA)


def test_a_request_sent_again_does_not_bring_the_guest_back(stand: Stand) -> None:
    (number,) = numbers(stand, ADA)
    erase(stand)
    stand.asked = 0  # exactly the request that made her reservation
    again = stand.request(email=ADA, phone=PHONE, note="nuts")
    assert again == number
    assert stand.row(number).guest.name == "erased"
    assert numbers(stand, ADA) == []


def test_a_torn_line_is_named_and_all_others_are_read(stand: Stand, tmp_path: Path) -> None:
    erase(stand)
    whole = settings().erasures_file.read_bytes()
    file = tmp_path / "copy.jsonl"
    file.write_bytes(whole + whole[:-9])  # cut at the end: never committed
    assert (len(read_erasures(file).lines), read_erasures(file).torn) == (1, ())
    file.write_bytes(whole[:-9] + b"\n" + whole + b"{}\n" + whole)
    assert (len(read_erasures(file).lines), read_erasures(file).torn) == (2, (1, 3))
    file.write_bytes(whole[:-9] + whole + whole)  # two writers without a lock
    assert (len(read_erasures(file).lines), read_erasures(file).torn) == (2, (1,))


def test_a_replay_passes_over_torn_lines_and_says_which(stand: Stand) -> None:
    erase(stand)
    file = settings().erasures_file
    file.write_bytes(b'{"restaurant":1,"at\n' + file.read_bytes())
    said = run("replay", str(file), ends=1)
    assert "1 erasures" in said
    assert "line 1 cannot be read" in said


def test_an_erasure_on_a_full_disk_is_refused_and_nothing_is_erased(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = numbers(stand, ADA)
    monkeypatch.setenv("ERASURES_FILE", "/dev/full")
    settings.cache_clear()
    with pytest.raises(OSError, match="space"):
        erase(stand)
    assert stand.row(number).guest.email == ADA


def test_a_line_of_an_older_release_is_read(stand: Stand, tmp_path: Path) -> None:
    (number,) = numbers(stand, ADA)
    key = stand.row(number).email_key
    assert key is not None
    values = {"restaurant": stand.restaurant.id, "contact": key.hex(), "by": STAFF}
    file = tmp_path / "old.jsonl"
    file.write_bytes(orjson.dumps(values | {"at": LATER.isoformat()}) + b"\n")
    (line,) = read_erasures(file).lines
    assert isinstance(line, ErasureLine)
    assert _replay(stand, line) == 1
    assert stand.row(number).guest.name == "erased"


def run(*args: str, ends: int = 0) -> str:
    result = CliRunner().invoke(main, ["guest", *args])
    assert result.exit_code == ends, result.output
    return result.output


def test_the_commands(stand: Stand) -> None:
    slug = stand.restaurant.slug
    assert orjson.loads(run("export", ADA, "--restaurant", slug))["reservations"][0]["note"]
    # in any spelling of the number
    assert orjson.loads(run("export", "+49 (30) 123 456"))["reservations"][0]["note"]
    assert "phone number such as" in run("export", "ada", ends=2)
    assert "country code" in run("export", "030 123456", ends=2)
    assert "not ended yet" in run("erase", ADA, ends=1)
    assert "erased from 1 reservations" in run("erase", ADA, "--restaurant", slug, "--cancel")
    assert orjson.loads(run("export", ADA))["reservations"] == []
    assert "1 erasures: 0 reservations" in run("replay", str(settings().erasures_file))
    with Session(stand.bind) as session:
        acts = session.execute(select(AuditEntry.actor, AuditEntry.action).order_by("id")).all()
    # the last export found nothing and has no subject
    assert acts == [("operator", "guest.exported")] * 2 + [("operator", "guest.erased")]
    # the other guest's evening ends too: the check depends on the time
    for job in STAND_JOBS.values():
        job(START + timedelta(days=2))
    assert CliRunner().invoke(main, ["check", "--grace", "100000000"]).exit_code == 0
