"""All randomness derives from (seed, epoch, sample index) or (seed, step, rank); nothing from the state of a worker."""

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed what draws random weights."""
    torch.manual_seed(seed)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed what dropout draws in a step, so that a resumed run draws the same.

    Each process draws masks of its own. The first one draws those of a training in one process, for other rows; so
    with dropout two processes give another training than one, as good as it.
    """
    if rank == 0:
        torch.manual_seed((seed << 32) + step)
    else:
        torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]))
