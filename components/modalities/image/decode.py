"""Pictures from the bytes of a file, as a person would see them: one way for training, evaluation and serving."""

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

EMPTY = "empty"
UNKNOWN = "not a picture of a known format"
TRUNCATED = "truncated or broken"
TOO_LARGE = "more than 50 million pixels"
UNSUPPORTED = "pixels of an unsupported kind"
"""Why an example is dropped."""

MOST_PIXELS = 50_000_000
"""Checked before a pixel is unpacked: a file of some kilobytes can unpack to gigabytes."""
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Of Pillow's; not all, for some (EPS) start another program."""
_ORIENTATION = 0x0112
_BROKEN = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error, zlib.error)
"""What Pillow's readers raise on broken bytes."""


class CannotDecode(Exception):
    """The bytes are not a picture that can be used; its text is one of the reasons above."""


def decode(data: bytes) -> NDArray[np.uint8]:
    """The picture of a file, [height, width, 3] in sRGB's 0 to 255; the first frame where it has several.

    EXIF's orientation is applied, what is transparent shows white, 16 bits of grey are scaled to 8 (rounded) and
    CMYK is turned into RGB. No colour profile is applied.

    Raises:
        CannotDecode: with the reason for dropping it.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise CannotDecode(EMPTY)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise CannotDecode(TOO_LARGE) from None
    except UnidentifiedImageError:
        raise CannotDecode(UNKNOWN) from None
    except _BROKEN:
        raise CannotDecode(TRUNCATED) from None
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise CannotDecode(TOO_LARGE)
        try:
            image.load()
        except _BROKEN:
            raise CannotDecode(TRUNCATED) from None
        return np.ascontiguousarray(_upright(_rgb(image), _orientation(image)))


def why_dropped(data: bytes) -> str | None:
    """Why the bytes of an example cannot be used; None where they can."""
    try:
        decode(data)
    except CannotDecode as reason:
        return str(reason)
    return None


def _rgb(image: "Image") -> NDArray[np.uint8]:
    if image.mode == "F":
        raise CannotDecode(UNSUPPORTED)
    if image.mode.startswith("I"):
        return _from_wide_grey(image)
    try:
        if image.has_transparency_data:
            return _over_white(np.asarray(image.convert("RGBA")))
        return np.asarray(image.convert("RGB"))
    except ValueError:
        raise CannotDecode(UNSUPPORTED) from None


def _from_wide_grey(image: "Image") -> NDArray[np.uint8]:
    """From more than 8 bits a pixel, which Pillow's own conversion would clip at 255."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise CannotDecode(UNSUPPORTED)
    grey = ((values + 128) // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(values == clear, np.uint8(255), grey)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[height, width, 4] with alpha last -> [height, width, 3] on white paper."""
    alpha = pixels[:, :, 3:].astype(np.uint16)
    return ((pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _orientation(image: "Image") -> int:
    """As EXIF counts it; 1, upright, where it cannot be read."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    match orientation:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.swapaxes(0, 1)
        case 6:
            return pixels[::-1].swapaxes(0, 1)
        case 7:
            return pixels[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return pixels[:, ::-1].swapaxes(0, 1)
        case _:
            return pixels
