"""Pictures are recognized by their content, complete to the last byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.pictures import BYTES_MAX, SIDE_MAX, Picture, read_picture
from tests.services.pictures import chunk, jpeg, png, riff, segment, webp

LOSSY = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 4, 3)
WHOLE = {"image/png": png(), "image/jpeg": jpeg(), "image/webp": webp()}


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_picture_is_known_by_what_it_is(media_type: str) -> None:
    assert read_picture(WHOLE[media_type]) == Picture(media_type, 4, 3)


@pytest.mark.parametrize(
    "content",
    [
        png(more=chunk(b"tEXt", b"Title\0Logo")),
        jpeg(frame=0xC2),
        riff((b"VP8 ", LOSSY)),
        riff((b"VP8X", bytes([0x10, 0, 0, 0, 3, 0, 0, 2, 0, 0])), (b"VP8 ", LOSSY)),
    ],
    ids=["text", "progressive", "lossy", "extended"],
)
def test_other_kinds_of_the_same_are_kept(content: bytes) -> None:
    assert (read_picture(content).width, read_picture(content).height) == (4, 3)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "PNG, JPEG or WebP"),
        (b"%PDF-1.7", "PNG, JPEG or WebP"),
        (b"GIF89a", "PNG, JPEG or WebP"),
        (b"<html>" + png(), "PNG, JPEG or WebP"),
        (png() + b"<script>alert(1)</script>", "after its end"),
        (jpeg() + b"<script>alert(1)</script>", "after its end"),
        (webp() + b"<script>", "after its end"),
        (png(more=chunk(b"acTL", bytes(8))), "is animated"),
        (riff((b"ANIM", bytes(6))), "is animated"),
        (riff((b"VP8X", bytes([2, 0, 0, 0, 3, 0, 0, 2, 0, 0]))), "is animated"),
        (png().replace(b"IDAT", b"IDAt"), "does not define"),
        (jpeg(frame=0xC3), "every browser"),
        (png(more=b"")[:33] + chunk(b"IEND", b""), "has no picture"),
        (b"\xff\xd8" + segment(0xE0, b"JFIF") + b"\xff\xd9", "has no picture"),
        (riff((b"ICCP", b"x")), "has no picture"),
        (png(SIDE_MAX + 1, 1), "2048 pixels"),
        (png(1, 2**31), "2048 pixels"),
        (png(0, 1), "2048 pixels"),
        (jpeg(65_535, 65_535), "2048 pixels"),
        (webp(16_384, 16_384), "2048 pixels"),
        # the frame may not be larger than the canvas
        (riff((b"VP8X", bytes([0, 0, 0, 0] + [0] * 6)), (b"VP8L", webp(9999, 2)[20:])), "2048"),
        (png() + bytes(BYTES_MAX), "at most 61440 bytes"),
    ],
)
def test_what_is_not_kept_is_told_why(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_picture(content)


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_picture_that_is_cut_anywhere_is_refused(media_type: str) -> None:
    whole = WHOLE[media_type]
    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"."):
            read_picture(whole[:end])


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 10**6), st.integers(1, 255))
def test_damage_is_a_refusal_or_the_same_kind_of_picture(
    media_type: str, place: int, change: int
) -> None:
    content = bytearray(WHOLE[media_type])
    content[place % len(content)] ^= change
    try:
        found = read_picture(bytes(content))
    except ValueError:
        return
    assert found.media_type == media_type


def test_a_changed_byte_of_a_png_is_always_found() -> None:
    whole = png()
    for place in range(8, len(whole)):
        with pytest.raises(ValueError, match=r"."):
            read_picture(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
