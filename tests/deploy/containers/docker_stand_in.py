"""A fake `docker` for deploy/upgrade.sh: its containers are entries of a file.

It behaves as the real one was observed to (tests/rehearsal). `STATE` names the file:
`containers` id -> service, image; `images` name -> id; `link` the web container to which nginx
routes; `calls` the commands that changed anything; `broken` image -> its unhealthy service;
`stopped` containers that do not run; `faults` image -> number of 5xx answers of its web process;
`fails` parts of command lines that exit with 1.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

CHECKED: Final = ("web", "worker")


class Docker:
    """Runs one command on the recorded state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.containers: dict[str, dict[str, str]] = state["containers"]

    def run(self, words: list[str]) -> int:
        """Run the command, print its output, and return the exit code."""
        if any(" ".join(words).find(fault) >= 0 for fault in self.state["fails"]):
            return 1
        if words[0] == "compose":
            return self._compose(words[1:])
        return int(getattr(self, f"_{words[0]}")(words[1:]) or 0)

    def _compose(self, words: list[str]) -> int:
        name, last = words[0], words[-1]
        if name == "ps":
            print(*(one for one, it in self.containers.items() if it["service"] == last), sep="\n")
        elif name == "up":
            self._up(words, last)
        elif name == "run":
            self._note(f"migrate {os.environ['IMAGE']}")
        elif name == "exec" and f"{words[2]}-0" in self.state["stopped"]:
            return 1
        elif name == "exec" and words[3] == "printenv":
            print(self.state["store"])
        # in the running version, which may be of before `backup create`
        elif name == "exec" and words[3:] == ["maitred", "backup"]:
            self._note("backup")
        elif name == "exec" and words[3] == "cat":
            file = Path(words[4].replace("/etc/nginx", "deploy/nginx"))
            print(Path(str(file).replace("maitred/", "compose/")).read_text(), end="")
        return 0

    def _up(self, words: list[str], service: str) -> None:
        wanted = 1
        if "--scale" in words:
            wanted = int(words[words.index("--scale") + 1].partition("=")[2])
        else:
            for one in [one for one, it in self.containers.items() if it["service"] == service]:
                del self.containers[one]
        while sum(it["service"] == service for it in self.containers.values()) < wanted:
            self.state["made"] += 1
            made = f"{service}-{self.state['made']}"
            self.containers[made] = {"service": service, "image": os.environ["IMAGE"]}
            self._note(f"start {made} {os.environ['IMAGE']}")

    def _pull(self, words: list[str]) -> int:
        return 0 if words[-1] in self.state["registry"] else 1

    def _tag(self, words: list[str]) -> None:
        self.state["images"][words[1]] = words[0]

    def _image(self, words: list[str]) -> int:
        print(self.state["images"].get(words[-1], ""))
        return 0 if words[-1] in self.state["images"] else 1

    def _inspect(self, words: list[str]) -> None:
        shown, it = words[1], self.containers[words[2]]
        is_running = words[2] not in self.state["stopped"]
        is_broken = self.state["broken"].get(it["image"]) == it["service"]
        is_starting = self.state["starting"].get(it["image"]) == it["service"]
        if "RestartCount" in shown:
            is_checked = it["service"].startswith(CHECKED)
            health = "starting" if is_starting else "healthy" if is_checked else "none"
            print("running", int(is_broken), health)
        elif ".Config.Image" in shown:
            print(it["image"])
        elif ".Image" in shown:
            print(it.get("id") or self.state["images"][it["image"]])
        else:
            print(str(is_running).lower())

    def _exec(self, words: list[str]) -> int:
        container, command = words[0], words[-1]
        image = self.containers[container]["image"]
        answered: dict[str, int] = self.state["answered"]
        if words[1] == "sh":  # nginx's own check reaches the link's target
            answered[self.state["link"]] = answered.get(self.state["link"], 0) + 1
        elif command == "turn":
            self.state["link"] = container
            self._note(f"turn {container}")
        elif command == "answered":
            print(answered.get(container, 0))
        elif command == "failed":
            print(self.state["faults"].get(image, 0))
        return 0

    def _stop(self, words: list[str]) -> None:
        self._note(f"stop {' '.join(sorted(words))}")

    def _rm(self, words: list[str]) -> None:
        for one in words[1:]:
            del self.containers[one]

    def _logs(self, words: list[str]) -> None:
        print(f"the last words of {words[-1]}")

    def _note(self, what: str) -> None:
        self.state["calls"].append(what)


def main() -> int:
    """Read the state, run the command, write the state."""
    path = Path(os.environ["STATE"])
    docker = Docker(json.loads(path.read_text(encoding="utf-8")))
    code = docker.run(sys.argv[1:])
    path.write_text(json.dumps(docker.state), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
