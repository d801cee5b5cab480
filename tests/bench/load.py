"""Load over HTTP: many keep-alive connections, one thread, every answer is checked."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Post:
    """One request to send."""

    path: str
    body: dict[str, object]
    key: str

    def wire(self) -> bytes:
        text = orjson.dumps(self.body)
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {self.key}\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        return head.encode() + text


@dataclass
class Loaded:
    """The results of a load: answers by status, seconds of each, and in total."""

    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: bytes) -> int:
    writer.write(wire)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line[15:]))
    return status


async def _connection(port: int, wires: Iterator[bytes], loaded: Loaded) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for wire in wires:
        began = time.perf_counter()
        status = await _one(reader, writer, wire)
        loaded.latencies.append(time.perf_counter() - began)
        loaded.statuses[status] = loaded.statuses.get(status, 0) + 1
    writer.close()


async def _all(port: int, wires: Sequence[bytes], connections: int) -> Loaded:
    loaded, source = Loaded(), iter(wires)
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, source, loaded) for _ in range(connections)))
    loaded.seconds = time.perf_counter() - began
    return loaded


def press(port: int, wires: Sequence[bytes], *, connections: int) -> Loaded:
    """Send everything as fast as it is answered, over so many connections."""
    return asyncio.run(_all(port, wires, connections))


async def _paced(port: int, wires: Sequence[bytes], rate: float, connections: int) -> Loaded:
    loaded = Loaded()
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (wire := await waiting.get()) is not None:
            began = time.perf_counter()
            status = await _one(reader, writer, wire)
            loaded.latencies.append(time.perf_counter() - began)
            loaded.statuses[status] = loaded.statuses.get(status, 0) + 1
        writer.close()

    workers = [asyncio.create_task(worker()) for _ in range(connections)]
    began = time.perf_counter()
    for number, wire in enumerate(wires):
        delay = began + number / rate - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        waiting.put_nowait(wire)
    for _ in workers:
        waiting.put_nowait(None)
    await asyncio.gather(*workers)
    loaded.seconds = time.perf_counter() - began
    return loaded


def drip(port: int, wires: Sequence[bytes], *, rate: float, connections: int = 8) -> Loaded:
    """Send at a steady rate, whether or not the answers keep up."""
    return asyncio.run(_paced(port, wires, rate, connections))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie; 0.0 without values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
