"""The loss of a student: its teacher's answers, the labels, what both have inside, and what the champion has right."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from stillhouse.components.distill.champion import beside_own, parted
from stillhouse.components.distill.hidden_states import attention_loss, hidden_loss
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.distill.signal import signal_in
from stillhouse.components.targets.signal import rows_of
from stillhouse.components.tasks.interface.task import Batch, Task

if TYPE_CHECKING:
    from torch import nn

    from stillhouse.components.distill.student import StudentWithProjections


@dataclass(frozen=True)
class DistillationLoss:
    """Soft and hard loss, and the terms on hidden states, attention maps and the champion where they are asked for."""

    task: Task
    teacher: "nn.Module"
    settings: DistillSettings

    def __call__(self, network: "StudentWithProjections", batch: Batch) -> tuple[torch.Tensor, int]:
        """The sum over a batch, a scalar, and how many things it is a mean of."""
        settings, task = self.settings, self.task
        outputs = task.forward(network.student, batch, **self._wanted())
        (signal, kept), live = parted(signal_in(batch)), None
        if not signal:
            with torch.no_grad():
                live = task.forward(self.teacher, batch, **self._wanted())
            signal = _flat(task.signal(live, batch, settings.temperature))
        soft, count = task.distillation_loss(outputs, signal, batch, settings.temperature)
        value = settings.soft_weight * soft + (1 - settings.soft_weight) * task.loss(outputs, batch)[0]
        if kept:
            own = _flat(task.signal(outputs, batch, settings.temperature))
            gap, _ = task.distillation_loss(outputs, beside_own(kept, own), batch, settings.temperature)
            value = value + settings.keep_champion_right * gap
        if live is not None and settings.hidden_weight:
            states = outputs.hidden_states, live.hidden_states
            value = value + settings.hidden_weight * hidden_loss(
                *states, network.projections, network.layer_pairs, batch["attention_mask"]
            )
        if live is not None and settings.attention_weight:
            maps = outputs.attentions, live.attentions
            value = value + settings.attention_weight * attention_loss(
                *maps, network.layer_pairs, batch["attention_mask"]
            )
        return value, count

    def _wanted(self) -> dict[str, bool]:
        if not self.settings.compares_inside:
            return {}
        return {"output_hidden_states": True, "output_attentions": self.settings.attention_weight > 0}


def _flat(signal: Any) -> dict[str, torch.Tensor]:
    """A signal as a batch carries it: values, and the row of each."""
    flat = {}
    for name, (values, counts) in signal.items():
        flat[name] = values
        flat[f"{name}_row"] = rows_of(counts)
    return flat
