"""A report holds small pictures in itself."""

import base64
import io

from PIL import Image

from stillhouse.components.modalities.image.render import thumbnail


def test_a_thumbnail_is_small_and_holds_its_pixels() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (400, 200), (255, 0, 0, 0)).save(file, "PNG")
    before, _, data = thumbnail(file.getvalue(), 100).partition("base64,")
    shown = Image.open(io.BytesIO(base64.b64decode(data.removesuffix('">'))))
    assert before == '<img alt="" src="data:image/png;'
    assert (shown.size, shown.getpixel((0, 0))) == ((100, 50), (255, 255, 255))


def test_pixels_of_a_tiny_picture_become_squares() -> None:
    file = io.BytesIO()
    tiny = Image.new("RGB", (28, 20))
    tiny.putpixel((27, 19), (255, 0, 0))
    tiny.save(file, "PNG")
    data = thumbnail(file.getvalue(), 96).partition("base64,")[2]
    shown = Image.open(io.BytesIO(base64.b64decode(data.removesuffix('">'))))
    assert shown.size == (84, 60)
    assert [shown.getpixel(place) for place in ((81, 57), (83, 59), (80, 59))] == [(255, 0, 0)] * 2 + [(0, 0, 0)]


def test_bytes_that_are_not_a_picture_are_not_shown() -> None:
    assert thumbnail(b"<script>alert(1)</script>") == "<em>not a picture of a known format</em>"
