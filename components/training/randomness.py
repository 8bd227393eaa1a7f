"""All randomness derives from (seed, epoch, sample index) or (seed, step); nothing from the state of a worker."""

import torch


def seed_everything(seed: int) -> None:
    """Seed what draws random weights."""
    torch.manual_seed(seed)
