"""Whether a pod got the accelerators it asked for; without them training would go on, a hundred times slower."""

import os

from stillhouse.errors import UserError

ALLOW_CPU = "STILLHOUSE_ALLOW_CPU"
"""Set to 1 it allows training on the processor all the same: for clusters whose GPUs are not real."""


def num_nodes() -> int:
    """On how many nodes a step that trains does so: on its own pod's when nothing is said."""
    return int(os.environ.get("STILLHOUSE_NODES", "1"))


def require_accelerators(asked: str) -> None:
    """Compare with what torch sees; 0 or nothing asked for is fine, and then torch is not imported.

    On several nodes they are the nodes', and the step's own pod has none.

    Raises:
        UserError: there are fewer.
    """
    number = int(asked or 0)
    if not number or num_nodes() > 1 or os.environ.get(ALLOW_CPU) == "1":
        return
    import torch

    seen = torch.accelerator.device_count()
    if seen < number:
        raise UserError(
            f"This pod asked for {number} accelerator{'s' * (number > 1)} and torch sees {seen}: look at the node's "
            f"driver and at the image's torch ({torch.__version__}), or set {ALLOW_CPU}=1 to train on the processor."
        )
