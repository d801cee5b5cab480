"""Pictures are stored without metadata."""

import struct

import pytest

from models.rules.picture_metadata import without_notes
from models.rules.pictures import read_picture
from tests.services.pictures import chunk, jpeg, png, riff, segment

WHERE = b"GPS 52.5200 13.4050"
EXIF = b"Exif\0\0" + WHERE


def noted_jpeg(*, behind: bool = False) -> bytes:
    """A JPEG with metadata before the first scan, or between the two."""
    notes = segment(0xE1, EXIF) + segment(0xED, WHERE) + segment(0xFE, WHERE) + segment(0xEC, WHERE)
    plain = jpeg()
    scan = plain.index(b"\xff\xda", plain.index(b"\xff\xda") + 1 if behind else 0)
    return plain[:scan] + notes + plain[scan:]


def webp(*notes: tuple[bytes, bytes]) -> bytes:
    flags = 0x10 | (0x0C if notes else 0)
    size = struct.pack("<I", flags) + (3).to_bytes(3, "little") + (2).to_bytes(3, "little")
    data = b"\x2f" + struct.pack("<I", 3 | 2 << 14) + b"\0"
    return riff((b"VP8X", size), *notes, (b"VP8L", data))


NOTED = {
    "png": (
        png(more=b"".join(chunk(k, WHERE) for k in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"))),
        png(),
    ),
    "jpeg": (noted_jpeg(), jpeg()),
    "jpeg, between its scans": (noted_jpeg(behind=True), jpeg()),
    "webp": (webp((b"EXIF", WHERE), (b"XMP ", WHERE + b"!")), webp()),
}


@pytest.mark.parametrize("name", list(NOTED))
def test_where_it_was_made_is_taken_out_and_the_picture_stays(name: str) -> None:
    noted, plain = NOTED[name]
    found = read_picture(noted)
    assert WHERE in noted
    bare = without_notes(found.media_type, noted)
    assert bare == plain
    assert read_picture(bare) == found
    assert without_notes(found.media_type, bare) == bare


def test_colours_stay() -> None:
    for part in (b"iCCP", b"gAMA", b"pHYs"):
        picture = png(more=chunk(part, b"colours"))
        assert without_notes("image/png", picture) == picture
    plain = jpeg()
    profile = plain[:2] + segment(0xE2, b"ICC_PROFILE\0") + segment(0xEE, b"Adobe") + plain[2:]
    assert without_notes("image/jpeg", profile) == profile
