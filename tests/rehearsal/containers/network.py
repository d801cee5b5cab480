"""A separate network: a bridge in a namespace, with an address and names for each service."""

import subprocess
from pathlib import Path

PREFIX = "10.89.77"
#: The address of a container engine's name server.
RESOLVER = "127.0.0.11"

#: Answers A queries from a table of names, as the engine's own resolver does.
_ANSWERS = """
import socket, struct, sys
names = dict(pair.split("=") for pair in sys.argv[1:])
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("127.0.0.11", 53))
while True:
    asked, whom = line.recvfrom(512)
    labels, at = [], 12
    while asked[at]:
        labels.append(asked[at + 1:at + 1 + asked[at]].decode())
        at += 1 + asked[at]
    question = asked[12:at + 5]
    found = names.get(".".join(labels))
    is_a = struct.unpack("!H", asked[at + 1:at + 3])[0] == 1
    answer = b""
    if found and is_a:
        answer = b"\\xc0\\x0c\\0\\1\\0\\1" + struct.pack("!IH", 1, 4) + socket.inet_aton(found)
    flags = 0x8180 if found else 0x8183
    head = asked[:2] + struct.pack("!HHHHH", flags, 1, bool(answer), 0, 0)
    line.sendto(head + question + answer, whom)
"""


def run(*argv: str | Path) -> None:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


class Network:
    """A namespace for each name, all joined by one bridge. `with Network(tag, names)`."""

    def __init__(self, tag: str, names: list[str], python: str) -> None:
        self.tag, self._python = tag, python
        self.addresses = {name: f"{PREFIX}.{number}" for number, name in enumerate(names, 10)}
        self._answering: list[subprocess.Popen[bytes]] = []

    def space(self, name: str) -> str:
        """The name of that service's network namespace."""
        return f"{self.tag}-{name}"

    def path(self, name: str) -> str:
        """The file of that namespace, for a bundle."""
        return f"/var/run/netns/{self.space(name)}"

    def __enter__(self) -> "Network":
        hub = self.space("hub")
        run("ip", "netns", "add", hub)
        run("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", hub, "link", "set", "bridge", "up")
        run("ip", "-n", hub, "address", "add", f"{PREFIX}.1/24", "dev", "bridge")
        run("ip", "-n", hub, "link", "set", "lo", "up")
        for number, (name, address) in enumerate(self.addresses.items()):
            self._join(hub, name, address, f"end{number}")
        return self

    def _join(self, hub: str, name: str, address: str, end: str) -> None:
        own = self.space(name)
        run("ip", "netns", "add", own)
        run(
            "ip", "-n", hub, "link", "add", end, "type", "veth", "peer", "name", "eth0",
            "netns", own,
        )  # fmt: skip
        run("ip", "-n", hub, "link", "set", end, "master", "bridge", "up")
        run("ip", "-n", own, "link", "set", "lo", "up")
        run("ip", "-n", own, "address", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", own, "link", "set", "eth0", "up")
        pairs = [f"{known}={where}" for known, where in self.addresses.items()]
        argv = ["ip", "netns", "exec", own, self._python, "-c", _ANSWERS, *pairs]
        self._answering.append(subprocess.Popen(argv))

    def __exit__(self, *_: object) -> None:
        for process in self._answering:
            process.kill()
            process.wait(10)
        for name in (*self.addresses, "hub"):
            subprocess.run(["ip", "netns", "delete", self.space(name)], check=False)
