"""Terminal output of the embedded mode."""

import json
from collections import deque
from pathlib import Path
from typing import Any, Final

from deploy.embedded.opening import SignInCard
from models.core.settings import settings

_LOUD: Final = frozenset({"warning", "error", "critical"})
_SHOWN_ANYWAY: Final = frozenset({"ts", "level", "event", "logger"})


class Terminal:
    """Shows warnings of the processes, and the last lines of a process that ended."""

    def __init__(self) -> None:
        self._last: dict[str, deque[str]] = {}

    def hear(self, name: str, line: str) -> None:
        """Process one line of a process's output.

        Only warnings and errors are shown immediately.
        """
        self._last.setdefault(name, deque(maxlen=15)).append(line)
        if line.startswith("{"):
            try:
                event: dict[str, Any] = json.loads(line)
            except ValueError:
                return
            if event.get("level") in _LOUD:
                more = [f"{k}={v}" for k, v in event.items() if k not in _SHOWN_ANYWAY]
                self.say(f"{name:>10} | {event['level']}: {event.get('event')} {' '.join(more)}")

    def last_lines(self, name: str) -> str:
        """Return the last lines of a process's output."""
        return "\n".join(f"    {line}" for line in self._last.get(name, ()))

    @staticmethod
    def say(text: str) -> None:
        """Print to standard output, and flush."""
        print(text, flush=True)


def sign(folder: Path, cards: list[SignInCard], seconds: float) -> str:
    """Return the block of addresses and sign-ins. `seconds` is the time the start took."""
    base, var = settings().public_url, folder.absolute()
    chosen = settings()
    lines = [
        f"Maitred is running (after {seconds:.1f} s)",
        "",
        f"  Base URL   {base}",
        f"  Book       {base}/book/demo",
        f"  Host stand {base}/stand/demo",
        f"  API        {base}/docs",
        f"  Flower     {chosen.flower_url}   {chosen.flower_user} / {chosen.flower_password}",
        f"  Status     {base}/status, for operators {base}/status/operators (as Flower)",
        f"  Mails      {var / 'mail'}/*.eml",
        f"  SMS        {settings().sms_file}",
        f"  Logs       {var / 'log'}",
        "",
        "  Sign-ins at the demo restaurant (the host stand, or POST /api/v1/auth/sign-in):",
        *(f"    {card.role:<8} {card.email:<24} {card.password}" for card in cards),
        "",
        "  Press Ctrl-C to stop; all data is kept.",
    ]
    rule = "=" * (max(map(len, lines)) + 2)
    return "\n".join(["", rule, *(f" {line}" for line in lines), rule, ""])
