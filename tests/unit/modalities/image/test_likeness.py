"""Near copies of a picture share most of their features."""

import io

import numpy as np
from PIL import Image, ImageEnhance

from stillhouse.components.modalities.image.likeness import likeness


def _picture(seed: int) -> Image.Image:
    """Soft blobs."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


def _bytes(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _shared(first: Image.Image, second: bytes) -> float:
    """Jaccard similarity."""
    one, other = set(likeness(_bytes(first)).tolist()), set(likeness(second).tolist())
    return len(one & other) / len(one | other)


def test_copies_share_most_features_and_other_pictures_a_third() -> None:
    first = _picture(0)
    assert _shared(first, _bytes(first)) == 1
    assert _shared(first, _bytes(first, "JPEG", quality=60)) > 0.85
    assert _shared(first, _bytes(first.resize((60, 45)))) > 0.85
    assert _shared(first, _bytes(ImageEnhance.Brightness(first).enhance(0.9))) > 0.85
    others = [_shared(first, _bytes(_picture(seed))) for seed in range(1, 9)]
    assert max(others) < 0.6


def test_an_even_background_makes_no_two_pictures_alike() -> None:
    def on_black(seed: int) -> Image.Image:
        picture = Image.new("RGB", (120, 90))
        picture.paste(_picture(seed).resize((48, 36)), (36, 27))
        return picture

    assert _shared(on_black(0), _bytes(on_black(0), "JPEG", quality=85)) > 0.85
    assert max(_shared(on_black(0), _bytes(on_black(seed))) for seed in range(1, 9)) < 0.8
    assert likeness(_bytes(Image.new("RGB", (120, 90), "white"))).tolist() == []


def test_features_are_ascending_and_name_place_and_value() -> None:
    ramp = Image.fromarray(np.tile(np.arange(255, -1, -4, dtype=np.uint8), (64, 1)))  # lighter on the left
    found = likeness(_bytes(ramp))
    assert found.dtype == np.uint64
    assert found.tolist() == [2 * i + 1 for i in range(64)]  # above and below are equal, which says nothing
    assert likeness(_bytes(ramp.transpose(Image.Transpose.ROTATE_180))).tolist() == [2 * i for i in range(64)]
