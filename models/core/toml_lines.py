"""Line numbers of the keys in a TOML text: the standard parser does not report them."""

from dataclasses import dataclass, field

#: `("tables", 3, "min_party")`: keys, and indexes of array elements.
KeyPath = tuple[str | int, ...]

_ESCAPES_SKIP = 2
_BARE_ENDS = ",]}\n#"


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and array element. `text` must be valid TOML."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.scan()
    return scanner.lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of a path, or of its nearest ancestor that exists; 1 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


@dataclass(slots=True)
class _Scanner:
    """Scans a text that the parser has accepted, so it does not check for mistakes."""

    text: str
    at: int = 0
    lines: dict[KeyPath, int] = field(default_factory=dict)
    counts: dict[KeyPath, int] = field(default_factory=dict)

    def scan(self) -> None:
        """Scan the whole document."""
        table: KeyPath = ()
        while self._skip_space():
            line = self._line()
            if self.text.startswith("[[", self.at):
                table = self._header("]]")
                self.counts[table] = self.counts.get(table, -1) + 1
                self.lines.setdefault(table, line)
                table = (*table, self.counts[table])
                self.lines.setdefault(table, line)
            elif self.text[self.at] == "[":
                table = self._header("]")
                self.lines.setdefault(table, line)
            else:
                self._pair(table)

    def _header(self, end: str) -> KeyPath:
        """The path of a table's header. An array on the path stands for its last element."""
        self.at += len(end)
        path: KeyPath = ()
        keys = self._key()
        self.at += len(end)
        for number, key in enumerate(keys):
            path = (*path, key)
            if path in self.counts and number < len(keys) - 1:
                path = (*path, self.counts[path])
        return path

    def _pair(self, table: KeyPath) -> None:
        line, path = self._line(), table
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        """Read a key, dotted or not, up to the `=` or `]` that follows it."""
        parts = []
        while True:
            self._skip_space()
            begin = self.at
            if self.text[begin] in "\"'":
                self._string()
                parts.append(self.text[begin + 1 : self.at - 1])
            else:
                while self.text[self.at].isalnum() or self.text[self.at] in "_-":
                    self.at += 1
                parts.append(self.text[begin : self.at])
            self._skip_space()
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip_space()
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._elements(path)
        elif first == "{":
            self._inline(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in _BARE_ENDS:
                self.at += 1

    def _elements(self, path: KeyPath) -> None:
        self.at += 1
        number = 0
        while self._skip_space() and self.text[self.at] != "]":
            self.lines.setdefault((*path, number), self._line())
            self._value((*path, number))
            number += 1
            self._skip_comma()
        self.at += 1

    def _inline(self, path: KeyPath) -> None:
        self.at += 1
        while self._skip_space() and self.text[self.at] != "}":
            self._pair(path)
            self._skip_comma()
        self.at += 1

    def _string(self) -> None:
        """Skip a string of any of the four kinds."""
        quote = self.text[self.at]
        triple = quote * 3
        end = triple if self.text.startswith(triple, self.at) else quote
        self.at += len(end)
        while not self.text.startswith(end, self.at):
            self.at += _ESCAPES_SKIP if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(end)
        while end == triple and self.text.startswith(quote, self.at):
            self.at += 1  # up to two quotes may stand before the closing three

    def _skip_comma(self) -> None:
        if self._skip_space() and self.text[self.at] == ",":
            self.at += 1

    def _skip_space(self) -> bool:
        """Skip blanks and comments. False at the end of the text."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at].isspace():
                self.at += 1
            else:
                return True
        return False

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
