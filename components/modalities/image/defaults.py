"""What networks on pictures are trained with from random weights where a recipe leaves it to the run.

Nearly those of the recipe image_classification. Imports no torch.
"""

from collections.abc import Sequence

import numpy as np

from stillhouse.components.modalities.image.decode import decode
from stillhouse.components.training.derived import Defaults, Overhead, Rules

DEFAULTS = Defaults(
    pretrain=Rules(steps=300, epochs=(1, 10), learning_rate=1e-3, batch_rows=32),
    finetune=Rules(steps=1900, epochs=(4, 40), learning_rate=3e-3, batch_rows=32),
    distill=Rules(steps=2500, epochs=(6, 60), learning_rate=5e-3, batch_rows=32),
)
SECONDS_PER_STEP = 5e-3
SECONDS_PER_PICTURE = 2.5e-4
"""On one core a picture of 28 x 28 pixels was decoded and changed in this time."""
SECONDS_PER_PIXEL = 2.5e-8
"""Of the file: 1.6 to 2.6e-8 was seen of JPEG, 5.4 to 6.5e-8 of PNG, scaled down to 128 pixels."""
LOOKED_AT = 32
"""Pictures that tell how large all are."""


def overhead(pictures: Sequence[bytes]) -> Overhead:
    """What a training on these files takes beside multiplications: photographs are decoded longer than learnt from."""
    some = np.linspace(0, len(pictures) - 1, min(LOOKED_AT, len(pictures))).astype(int)
    pixels = float(np.mean([np.prod(decode(pictures[i]).shape[:2]) for i in some]))
    return Overhead(SECONDS_PER_STEP, SECONDS_PER_PICTURE + SECONDS_PER_PIXEL * pixels)
