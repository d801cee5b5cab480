"""Writers that continue through every switch, and their list of acknowledged rows."""

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from models.core import clock
from models.core.database.transactions import make_engine, transaction
from models.entities.running import Lease


@dataclass
class Writers:
    """`with Writers(url) as writers:` writes rows until the `with` ends.

    Without the retries of `unit`: each row on the list was acknowledged once, and is there or lost.
    """

    url: str
    count: int = 3
    acknowledged: list[str] = field(default_factory=list)
    #: time of each acknowledgement (monotonic seconds)
    at: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._bind = make_engine(self.url, pool_size=self.count)
        self._threads = [
            threading.Thread(target=self._write, args=(number,), daemon=True)
            for number in range(self.count)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        self._bind.dispose()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            name = f"{writer}-{number}"
            try:
                with transaction(self._bind) as session:
                    row = {"name": name, "holder": "writer", "expires_at": clock.now()}
                    session.execute(insert(Lease), row)
            except SQLAlchemyError:
                time.sleep(0.02)
            else:
                self.acknowledged.append(name)
                self.at.append(time.monotonic())

    def longest_pause(self) -> float:
        """The longest time between two acknowledgements, in seconds."""
        moments = sorted(self.at)
        return max(after - before for before, after in pairwise(moments))

    def lost(self, bind: Engine) -> set[str]:
        """Acknowledged rows that are missing."""
        with bind.connect() as connection:
            there = set(connection.scalars(select(Lease.name).where(Lease.holder == "writer")))
        return set(self.acknowledged) - there
