"""Twilio's Messages API as a local HTTP server, which can refuse, stall, or lose its answer."""

import base64
import json
import time
from dataclasses import dataclass, replace
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from models.core import clock
from tests.services.fake_servers import FakeServer, QuietHandler

ACCOUNT, TOKEN = "AC" + "0" * 32, "only-for-tests"
_PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


@dataclass(frozen=True, slots=True)
class Text:
    """One accepted SMS."""

    sid: str
    to: str
    sender: str
    body: str
    status: str
    created: str
    callback: str = ""
    error_code: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The SMS in Twilio's JSON."""
        return {
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "to": self.to,
            "from": self.sender,
            "body": self.body,
            "status": self.status,
            "error_code": self.error_code,
            "date_created": self.created,
            "date_sent": None,
            "date_updated": self.created,
            "direction": "outbound-api",
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
        }


class Twilio(FakeServer):
    """Its `url` is for TWILIO_BASE_URL.

    `refuse[number] = (HTTP status, Twilio's code)`; `lose_answers`: accept without an answer.
    """

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.texts: list[Text] = []
        self.asked: list[str] = []
        self.refuse: dict[str, tuple[int, int]] = {}
        self.lose_answers = False
        #: a trial account's prefix of each text
        self.prefix = ""
        self.status = "queued"

    def become(self, sid: str, status: str, code: int | None = None) -> None:
        """Set the status of an SMS."""
        place = next(place for place, text in enumerate(self.texts) if text.sid == sid)
        self.texts[place] = replace(self.texts[place], status=status, error_code=code)

    def accept(self, to: str, sender: str, body: str, callback: str = "") -> Text:
        """Store an SMS."""
        sid = f"SM{len(self.texts):032}"
        text = Text(sid, to, sender, body, self.status, format_datetime(clock.now()), callback)
        self.texts.append(text)
        return text


def _handler(twilio: Twilio) -> type[BaseHTTPRequestHandler]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
            twilio.asked.append("POST")
            if not self._may_ask():
                return
            refused = twilio.refuse.get(form["To"])
            if refused:
                self._answer(
                    refused[0],
                    {"status": refused[0], "code": refused[1], "message": f"no: {form['To']}"},
                )
                return
            sender = form.get("From") or form["MessagingServiceSid"]
            is_number = "From" in form and not sender.startswith("MG")
            if not is_number and "MessagingServiceSid" not in form:
                self._answer(400, {"status": 400, "code": 21212, "message": "Invalid From"})
                return
            text = twilio.accept(
                form["To"], sender, twilio.prefix + form["Body"], form.get("StatusCallback", "")
            )
            if twilio.lose_answers:
                time.sleep(1.5)
                self.close_connection = True
                return
            self._answer(201, text.as_json())

        def do_GET(self) -> None:
            wanted = parse_qs(urlsplit(self.path).query).get("To", [""])[0]
            twilio.asked.append("GET")
            if not self._may_ask():
                return
            path = urlsplit(self.path).path
            if path != _PATH:
                one = [text for text in twilio.texts if path.endswith(f"/{text.sid}.json")]
                self._answer(200 if one else 404, one[0].as_json() if one else {"status": 404})
                return
            found = [text.as_json() for text in reversed(twilio.texts) if text.to == wanted]
            self._answer(200, {"messages": found, "next_page_uri": None, "page": 0})

        def _may_ask(self) -> bool:
            expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {expected}":
                self._answer(401, {"status": 401, "code": 20003, "message": "Authenticate"})
                return False
            if not urlsplit(self.path).path.startswith(_PATH.removesuffix(".json")):
                self._answer(404, {"status": 404, "code": 20404, "message": "not found"})
                return False
            return True

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            self.answer(status, json.dumps(body).encode())

    return Handler
