"""A mailbox for trying Maitred out: stores every mail received by SMTP as an `.eml` file.

`python -m deploy.embedded.mailbox`: configured by MAILBOX_HOST, MAILBOX_PORT and MAILBOX_FOLDER.
"""

import asyncio
import logging
import os
import re
import signal
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from models.core import clock
from models.core.atomic_files import atomic_file, remove_drafts
from models.core.observe.logs import configure_logging

log = logging.getLogger("deploy.embedded.mailbox")

LARGEST: Final = 10 * 1024 * 1024
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.@_-]+")


class MailboxHandler:
    """Handler for aiosmtpd: writes one file per mail, named by time and recipient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)
        remove_drafts(folder)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store the mail, then answer 250."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        self._keep(raw, envelope.rcpt_tos[0])
        return "250 OK"

    def _keep(self, raw: bytes, recipient: str) -> None:
        self._count += 1
        moment = clock.now().strftime("%Y%m%dT%H%M%S.%f")
        name = f"{moment}-{self._count:05d}-{_UNSAFE.sub('_', recipient)[:80]}.eml"
        # a listing of the folder shows complete mails only
        with atomic_file(self.folder / name, is_durable=False) as file:
            file.write(raw)


async def serve(folder: Path, *, host: str, port: int) -> None:
    """Accept mail until SIGTERM or SIGINT."""
    handler = MailboxHandler(folder)
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=LARGEST, enable_SMTPUTF8=True), host, port
    )
    log.info("the mailbox is open", extra={"folder": str(folder)})
    await stopping.wait()
    server.close()


def main() -> None:
    """Serve as configured by the environment."""
    configure_logging()
    folder = Path(os.environ.get("MAILBOX_FOLDER", "var/mail"))
    host = os.environ.get("MAILBOX_HOST", "127.0.0.1")
    port = int(os.environ.get("MAILBOX_PORT", "1025"))
    asyncio.run(serve(folder, host=host, port=port))


if __name__ == "__main__":
    main()
