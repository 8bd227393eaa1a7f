"""What networks on tokens are pretrained with where a recipe leaves it to the run. Imports no torch.

The step's own defaults, as far as there is time for them.
"""

from stillhouse.components.training.derived import Defaults, Rules

DEFAULTS = Defaults(pretrain=Rules(steps=1000, epochs=(1, 3), learning_rate=5e-4, batch_rows=32))
