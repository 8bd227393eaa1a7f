"""What networks on pictures are trained with from random weights where a recipe leaves it to the run.

Nearly those of the recipe image_classification. A picture of 28 x 28 pixels is decoded and changed in 0.26 ms. Imports
no torch.
"""

from stillhouse.components.training.derived import Defaults, Overhead, Rules

DEFAULTS = Defaults(
    pretrain=Rules(steps=300, epochs=(1, 10), learning_rate=1e-3, batch_rows=32),
    finetune=Rules(steps=1900, epochs=(4, 40), learning_rate=3e-3, batch_rows=32),
    distill=Rules(steps=2500, epochs=(6, 60), learning_rate=5e-3, batch_rows=32),
    overhead=Overhead(step=0.005, example=3e-4),
)
