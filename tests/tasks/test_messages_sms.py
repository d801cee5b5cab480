"""SMS: Twilio's client against a real HTTP server, and the local file."""

import errno
import json
import logging
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.core import clock
from models.core.errors import SettingsInvalid
from tasks.messaging.channels import ChannelDown, ChannelError, twilio_api
from tasks.messaging.channels.sms import FileSms, Sms, sms_channel
from tasks.messaging.channels.twilio_api import TwilioSms
from tests.services.ports import free_port
from tests.services.running import surroundings
from tests.services.running.together import answers, together
from tests.services.servers.twilio import ACCOUNT, TOKEN, Twilio
from workers import hooks

NUMBER = "+4915112345678"


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    server = Twilio()
    server.start()
    yield server
    server.stop()


def channel(url: str, token: str = TOKEN) -> TwilioSms:
    return TwilioSms(account_sid=ACCOUNT, auth_token=token, sender="+15005550006", base_url=url)


def text(body: str = "See you soon", *, attempts: int = 1, age_seconds: int = 5) -> Sms:
    since = clock.now() - timedelta(seconds=age_seconds)
    return Sms(message_id=7, to=NUMBER, body=body, attempts=attempts, since=since)


def test_a_text_goes_to_twilio_and_its_id_comes_back(twilio: Twilio) -> None:
    sid = channel(twilio.url).send(text("Bis bald: Tisch für 4 – schön"))
    (sent,) = twilio.texts
    assert sid == sent.sid
    assert (sent.to, sent.sender) == (NUMBER, "+15005550006")
    assert sent.body == "Bis bald: Tisch für 4 – schön"
    assert twilio.asked == ["POST"]


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, 21211, True),
        (400, 21610, True),
        (400, 21614, True),
        (403, 21408, True),
        (500, 20500, False),
        (503, 0, False),
    ],
)
def test_twilios_codes_say_whether_it_is_for_good(
    twilio: Twilio, status: int, code: int, permanent: bool
) -> None:
    twilio.refuse[NUMBER] = (status, code)
    with pytest.raises(ChannelError) as refused:
        channel(twilio.url).send(text())
    assert refused.value.permanent is permanent
    assert not isinstance(refused.value, ChannelDown)
    assert str(status) in refused.value.reason and NUMBER not in refused.value.reason


@pytest.mark.parametrize(("status", "code"), [(400, 21606), (429, 20429), (403, 20005), (429, 0)])
def test_what_twilio_says_of_our_account_is_no_fault_of_the_message(
    twilio: Twilio, status: int, code: int
) -> None:
    twilio.refuse[NUMBER] = (status, code)
    with pytest.raises(ChannelDown):
        channel(twilio.url).send(text())


def test_wrong_credentials_are_no_fault_of_the_message(twilio: Twilio) -> None:
    with pytest.raises(ChannelDown):
        channel(twilio.url, token="wrong").send(text())


def test_nobody_listening_is_a_channel_that_is_down() -> None:
    with pytest.raises(ChannelDown):
        channel(f"http://127.0.0.1:{free_port()}").send(text())


def test_a_lost_answer_is_looked_up_and_not_sent_again(
    twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_api, "TIMEOUT_SECONDS", 0.4)
    twilio.lose_answers = True
    first = text()
    with pytest.raises(ChannelError) as lost:
        channel(twilio.url).send(first)
    assert not lost.value.permanent and not isinstance(lost.value, ChannelDown)
    assert len(twilio.texts) == 1
    twilio.lose_answers = False
    assert channel(twilio.url).send(text(attempts=2)) == twilio.texts[0].sid
    assert len(twilio.texts) == 1


def test_a_trial_accounts_words_before_ours_do_not_hide_an_earlier_attempt(
    twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_api, "TIMEOUT_SECONDS", 0.4)
    twilio.prefix = "Sent from your Twilio trial account - "
    twilio.lose_answers = True
    with pytest.raises(ChannelError):
        channel(twilio.url).send(text())
    twilio.lose_answers = False
    assert channel(twilio.url).send(text(attempts=2)) == twilio.texts[0].sid
    assert len(twilio.texts) == 1


def test_a_messaging_service_sends_by_its_id(twilio: Twilio) -> None:
    service = "MG" + "0" * 32
    out = TwilioSms(account_sid=ACCOUNT, auth_token=TOKEN, sender=service, base_url=twilio.url)
    out.send(text())
    assert twilio.texts[0].sender == service


def test_the_same_words_of_an_earlier_reminder_are_no_earlier_attempt(twilio: Twilio) -> None:
    channel(twilio.url).send(text())
    later = text(attempts=2, age_seconds=-2)  # not due when that one was sent
    assert channel(twilio.url).send(later) == twilio.texts[1].sid
    assert channel(twilio.url).send(text("Other words", attempts=2)) == twilio.texts[2].sid


def test_a_text_that_twilio_could_not_deliver_is_sent_again(twilio: Twilio) -> None:
    twilio.status = "failed"
    channel(twilio.url).send(text())
    channel(twilio.url).send(text(attempts=2))
    assert len(twilio.texts) == 2


def test_no_number_reaches_the_log(twilio: Twilio, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for attempts in (1, 2):
            channel(twilio.url).send(text(attempts=attempts))
    assert NUMBER.lstrip("+") not in caplog.text


def test_the_file_has_whole_lines_whichever_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "sms.jsonl"
    surroundings.settle(monkeypatch, surroundings.environment(tmp_path, database_url="sqlite://"))
    out = FileSms(path)
    body = "Tisch für 4 " * 300

    def write(number: int) -> str:
        return out.send(Sms(number, NUMBER, body, 1, clock.now()))

    ids = answers(together(write, range(20)))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {line["id"] for line in lines} == set(ids)
    assert {line["body"] for line in lines} == {body}
    surroundings.forget_everything()


def test_short_writes_of_several_processes_leave_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nearly full disk takes a line in parts: no other line comes between them."""
    path = tmp_path / "sms.jsonl"
    surroundings.settle(monkeypatch, surroundings.environment(tmp_path, database_url="sqlite://"))
    real = os.write
    monkeypatch.setattr(os, "write", lambda target, data: real(target, bytes(data)[:7]))
    out = FileSms(path)

    def write(number: int) -> str:
        return out.send(Sms(number, NUMBER, "Tisch für 4", 1, clock.now()))

    answers(together(write, range(8)))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["id"] for line in lines} == {f"file-{number}" for number in range(8)}
    surroundings.forget_everything()


def test_a_line_that_finds_no_room_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sms.jsonl"
    surroundings.settle(monkeypatch, surroundings.environment(tmp_path, database_url="sqlite://"))
    path.write_bytes(b'{"id": "torn')  # a process died within a line
    real, written = os.write, [0]

    def full(target: int, data: bytes) -> int:
        written[0] += 1
        if written[0] == 2:
            raise OSError(errno.ENOSPC, "no space")
        return real(target, bytes(data)[:9])

    out = FileSms(path)
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(ChannelDown):
            out.send(text())
    assert path.read_bytes() == b'{"id": "torn'
    out.send(text())
    torn, whole = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(whole)["id"] == "file-7" and torn == '{"id": "torn'
    surroundings.forget_everything()


def test_a_file_that_cannot_be_written_is_a_channel_that_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings.settle(monkeypatch, surroundings.environment(tmp_path, database_url="sqlite://"))
    with pytest.raises(ChannelDown):
        FileSms(tmp_path).send(text())
    surroundings.forget_everything()


def test_a_process_without_twilios_client_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = surroundings.environment(tmp_path, database_url="sqlite://")
    extra = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "SMS_CHANNEL": "twilio"}
    surroundings.settle(monkeypatch, values | extra)
    monkeypatch.delitem(sys.modules, TwilioSms.__module__)
    monkeypatch.setitem(sys.modules, "twilio.rest", None)
    for start in (sms_channel, lambda: hooks.check_extras({"queues": ["messages", "maintenance"]})):
        with pytest.raises((SettingsInvalid, SystemExit), match="extra `sms`"):
            start()
    hooks.check_extras({"queues": ["allocation"]})
    surroundings.forget_everything()


def test_the_settings_name_the_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = surroundings.environment(tmp_path, database_url="sqlite://")
    for name, kind in (("off", type(None)), ("file", FileSms), ("twilio", TwilioSms)):
        extra = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN}
        surroundings.settle(monkeypatch, values | extra | {"SMS_CHANNEL": name})
        assert isinstance(sms_channel(), kind)
    surroundings.forget_everything()
