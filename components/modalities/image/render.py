"""Pictures as a report shows them."""

import base64
import io

from stillhouse.components.modalities.image.decode import CannotDecode, decode


def thumbnail(data: bytes, side: int = 96) -> str:
    """An `<img>` that holds the picture of a file, at most `side` pixels either way, or why there is none. Of a far
    smaller one each pixel becomes a square.

    Safe in HTML: what comes from the file is its pixels, written anew.
    """
    from PIL import Image

    try:
        image = Image.fromarray(decode(data))
    except CannotDecode as reason:
        return f"<em>{reason}</em>"
    image.thumbnail((side, side))
    factor = max(1, side // max(image.size))
    image = image.resize((factor * image.width, factor * image.height), Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
