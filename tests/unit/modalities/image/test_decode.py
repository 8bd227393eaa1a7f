"""Pictures become RGB as a person would see them; what cannot be used has a reason."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from stillhouse.components.modalities.image.decode import (
    EMPTY,
    TOO_LARGE,
    TRUNCATED,
    UNKNOWN,
    UNSUPPORTED,
    decode,
    why_dropped,
)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def first(data: bytes) -> list[int]:
    return decode(data)[0, 0].tolist()


def test_colours_stay() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    found = decode(saved(Image.fromarray(pixels)))
    assert found.dtype == np.uint8
    assert found.tolist() == pixels.tolist()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 10
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(pixels), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = Image.fromarray(pixels)
    upright.getexif()[0x0112] = orientation
    assert decode(data).tolist() == np.asarray(ImageOps.exif_transpose(upright)).tolist()


def test_a_picture_taken_with_the_camera_turned_stands_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    row = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
    assert decode(saved(row, exif=exif)).tolist() == [[[255, 0, 0]], [[0, 0, 255]]]


def test_what_is_transparent_shows_white() -> None:
    found = [first(saved(Image.new("RGBA", (1, 1), (255, 0, 0, alpha)))) for alpha in (0, 128, 255)]
    assert found == [[255, 255, 255], [255, 127, 127], [255, 0, 0]]
    assert first(saved(Image.new("LA", (1, 1), (0, 0)))) == [255, 255, 255]
    assert first(saved(Image.new("RGB", (1, 1), (9, 8, 7)), transparency=(9, 8, 7))) == [255, 255, 255]


def test_a_palette_gives_its_colours_and_its_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    assert decode(saved(image)).tolist() == [[[10, 20, 30], [200, 0, 0]]]
    assert decode(saved(image, transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_not_clipped(kind: str) -> None:
    image = Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16))
    assert decode(saved(image, kind))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_cmyk_of_a_printer_is_not_a_negative() -> None:
    red = first(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100))
    assert np.abs(np.array(red) - [255, 0, 0]).max() <= 3
    assert first(saved(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF")) == [255, 0, 0]


def test_black_and_white_spans_the_whole_range() -> None:
    assert decode(saved(Image.fromarray(np.array([[False, True]])))).tolist() == [[[0] * 3, [255] * 3]]


def png_of_size(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + struct.pack(">I", 16) + b"IDAT" + bytes(20)


def test_what_cannot_be_used_has_a_reason() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = {kind: saved(Image.fromarray(noise), kind) for kind in ("PNG", "JPEG", "BMP")}
    assert [why_dropped(data) for data in whole.values()] == [None] * 3
    assert [why_dropped(data[: len(data) // 2]) for data in whole.values()] == [TRUNCATED] * 3
    assert why_dropped(b"") == EMPTY
    assert why_dropped(b"<html>404</html>") == UNKNOWN
    assert why_dropped(saved(Image.new("F", (1, 1)), "TIFF")) == UNSUPPORTED


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_a_picture_that_would_fill_the_memory_is_not_unpacked(side: int) -> None:
    assert why_dropped(png_of_size(side, side)) == TOO_LARGE
