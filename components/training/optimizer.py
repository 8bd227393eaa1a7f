"""The optimizer, its parameter groups and schedule; what is frozen and when it learns again."""

import math
import re
from collections.abc import Callable, Mapping

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import SGD, AdamW, Optimizer

from stillhouse.components.training.settings import OptimizerSettings

LAYER = re.compile(r"\.(?:layer|layers|h|block|blocks|stages)\.(\d+)\.")
"""Where transformers' encoders and decoders number their layers, or their stages of some layers each."""


def depth(name: str, num_layers: int) -> int:
    """Depth of a parameter by its name: 0 for embeddings, 1 to `num_layers` for layers, one more for what is on top."""
    found = LAYER.search(name)
    if found:
        return int(found[1]) + 1
    return 0 if "embed" in name or ".wte." in name or ".wpe." in name else num_layers + 1


def depths(model: nn.Module, num_layers: int) -> dict[str, int]:
    """Depth of each parameter of the model by its name. A network in it whose names do not tell says so itself, by a
    method `parameter_depths`, in the same numbers."""
    found = {name: depth(name, num_layers) for name, _ in model.named_parameters()}
    for prefix, module in model.named_modules():
        told: Callable[[], Mapping[str, int]] | None = getattr(module, "parameter_depths", None)
        if told is not None:
            found |= {f"{prefix}.{name}".lstrip("."): level for name, level in told().items()}
    return found


def make_optimizer(model: nn.Module, settings: OptimizerSettings, num_layers: int) -> Optimizer:
    """AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101), or stochastic gradient descent with momentum, with
    learning rates that fall with depth (Howard and Ruder, 2018, arXiv:1801.06146) and no decay of biases and
    normalisation.

    Frozen parameters are in it too, so that they can learn later: without a gradient both leave them alone.
    """
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    levels = depths(model, num_layers)
    for name, parameter in model.named_parameters():
        groups.setdefault((levels[name], parameter.ndim >= 2), []).append(parameter)
    found = [
        {
            "params": parameters,
            "peak_lr": settings.learning_rate * settings.layer_decay ** max(0, num_layers - level),
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        for (level, decays), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    if settings.name == "sgd":  # its fused kernel cannot do with parameters that begin to learn later
        return SGD(found, momentum=settings.momentum)
    return AdamW(found, betas=(settings.momentum, 0.999), fused=True)


def set_learning_rates(optimizer: Optimizer, settings: OptimizerSettings, *, step: int, num_steps: int) -> float:
    """Set the learning rates of `step`: a linear rise, then a cosine to zero (Loshchilov and Hutter, 2017,
    arXiv:1608.03983) or a constant. A function of the step alone, so that a resumed run needs no state.

    Returns:
        The highest group's rate.
    """
    rise = round(settings.warmup * num_steps)
    if step < rise:
        factor = (step + 1) / rise
    elif settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, num_steps - rise)))
    else:
        factor = 1.0
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor
    return max(group["lr"] for group in optimizer.param_groups)


def freeze_below(model: nn.Module, level: int, num_layers: int) -> int:
    """Let only parameters at depth `level` and above learn.

    Returns:
        How many parameters learn.
    """
    levels = depths(model, num_layers)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(levels[name] >= level)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def train_mode(model: nn.Module) -> None:
    """Let the model learn: dropout draws, and batch normalisation goes by the batch and moves its running statistics.
    Where batch normalisation is frozen it goes on by these statistics, which belong to what is frozen."""
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.affine and not module.weight.requires_grad:
            module.eval()
