"""Which refusals concern the recipient, by replies of Gmail, Microsoft 365, Postfix, Exim, SES."""

from pathlib import Path

import pytest

from models.rules.messages.replies import Blame, Stage, read_reply, read_twilio

US, MESSAGE, PASSING = Blame.SENDER, Blame.MESSAGE, Blame.PASSING


def _replies() -> list[tuple[Blame, Stage, int, str]]:
    lines = Path(__file__).with_name("replies.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if not line.startswith("#"):
            blame, stage, reply = line.split(" | ", 2)
            code, _, text = reply.partition(" ")
            found.append((Blame(blame), Stage(stage), int(code), text))
    return found


@pytest.mark.parametrize(("blame", "stage", "code", "text"), _replies())
def test_a_reply_says_whom_it_is_about(blame: Blame, stage: Stage, code: int, text: str) -> None:
    reply = read_reply(stage, code, text)
    assert reply.blame is blame, reply
    assert "@" not in reply.why and reply.why


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.SIGN_IN, Stage.MAIL_FROM])
@pytest.mark.parametrize("code", [421, 450, 451, 452, 501, 530, 535, 550, 552, 553, 554])
def test_before_the_recipient_everything_is_about_the_sender(stage: Stage, code: int) -> None:
    assert read_reply(stage, code, "no").blame is US


def test_what_nobody_knows_is_judged_by_its_first_digit() -> None:
    assert read_reply(Stage.RECIPIENT, 459, "Purple").blame is PASSING
    assert read_reply(Stage.TEXT, 559, "Purple").blame is MESSAGE
    assert read_reply(Stage.TEXT, 559, "5.9.9 Purple").codes == "559 5.9.9"


def test_twilios_codes_tell_numbers_from_accounts() -> None:
    found = {code: read_twilio(400, code) for code in (21211, 21610, 21606, 30034, 20500, None)}
    assert list(found.values()) == [MESSAGE, MESSAGE, US, US, PASSING, PASSING]
    assert [read_twilio(status, None) for status in (401, 403, 429, 503)] == [US, US, US, PASSING]
    assert read_twilio(403, 21408) is MESSAGE
