"""The names of the steps, spelled here alone."""

STEPS = ("inspect", "prepare", "pretrain", "finetune", "distill", "evaluate", "promote")
"""In the order they run."""
