"""Small pictures, assembled byte by byte, so that a test can damage any part."""

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 4, height: int = 3, *, more: bytes = b"", shade: int = 0) -> bytes:
    """A grey PNG; `more` stands before its end."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * min(width, 64)) * min(height, 64)
    picture = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + picture + more + chunk(b"IEND", b"")


def segment(kind: int, data: bytes) -> bytes:
    """A part of a JPEG."""
    return bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data


def jpeg(width: int = 4, height: int = 3, *, frame: int = 0xC0) -> bytes:
    """A JPEG in two scans, with data that only looks like a marker."""
    start = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + segment(0xDB, bytes(65))
    sized = segment(frame, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + start + sized + segment(0xC4, bytes(20)) + scan * 2 + b"\xff\xd9"


def riff(*parts: tuple[bytes, bytes]) -> bytes:
    """A WebP of these chunks."""
    body = b"WEBP"
    for kind, data in parts:
        body += kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp(width: int = 4, height: int = 3) -> bytes:
    """A lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    return riff((b"VP8L", b"\x2f" + struct.pack("<I", bits) + b"\1\2"))
