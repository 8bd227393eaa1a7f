"""What a run may spend: a time, or GPU-hours, which its GPUs make a time of."""

from dataclasses import dataclass

from stillhouse.errors import UserError

PATTERN = r"^(none|\d+(\.\d+)?([smh]| gpu-hours?))$"
"""`none`, 90s, 10m, 2h, 0.5 gpu-hours."""
SHARES = {"pretrain": 0.1, "finetune": 0.45, "distill": 0.3}
"""Shares of the budget; the rest is for the other steps and what is not counted."""
UNITS = {"s": 1, "m": 60, "h": 3600}
HOUR = 3600.0


@dataclass(frozen=True)
class Budget:
    """What a run may spend."""

    text: str
    """As the recipe has it."""
    seconds: float
    """Wall time."""
    gpu_hours: float | None = None
    """None where the recipe gives a time."""
    gpus: int = 1

    def sentence(self) -> str:
        """What GPU-hours come to."""
        shares = ", ".join(f"{step} {minutes(self.seconds * share)}" for step, share in SHARES.items())
        return (
            f"The budget of {self.text} is {minutes(self.seconds)} on {self.gpus} GPU{'s' * (self.gpus > 1)}, "
            f"of which may take: {shares}."
        )


def read_budget(text: str, gpus: int | None) -> Budget | None:
    """The budget of a recipe; None for `none`.

    Args:
        text: as `PATTERN` has it.
        gpus: that each step which trains asks for, on all its nodes; None while nobody has asked for any, as where a
            recipe is only looked at: then as with one.

    Raises:
        UserError: GPU-hours without GPUs, or none of them.
    """
    if text == "none":
        return None
    if "gpu" not in text:
        return Budget(text, float(text[:-1]) * UNITS[text[-1]])
    hours = float(text.partition(" ")[0])
    if gpus == 0:
        raise UserError(
            f"budget is '{text}', and this run asks for no GPUs; ask for some on a cluster (--hardware gpu, or "
            "gpu_count on the form), or give a time, such as 2h."
        )
    if hours == 0:
        raise UserError(f"budget is '{text}', in which nothing can be learnt; give more, or none.")
    return Budget(text, hours * HOUR / (gpus or 1), hours, gpus or 1)


def minutes(seconds: float) -> str:
    """A time as people read it, to three digits."""
    return f"{seconds / 60:.3g} min" if seconds < 100 * 60 else f"{seconds / HOUR:.3g} h"
