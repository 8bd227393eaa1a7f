"""Device and precision of a training."""

from contextlib import AbstractContextManager, nullcontext

import torch

from stillhouse.components.training.settings import LoopSettings


def pick_device() -> torch.device:
    """The GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(settings: LoopSettings, device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where asked for, or on `auto` where a GPU has it; float32 otherwise.

    Never chosen on a CPU: without AVX512-BF16 or AMX it is two orders slower there.
    """
    wanted = settings.precision == "bfloat16" or (
        settings.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
    )
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()
