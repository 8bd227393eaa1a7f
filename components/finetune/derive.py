"""What of finetune follows from the data."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.models.layers import num_parameters, width
from stillhouse.components.targets.measure import values_of
from stillhouse.components.training.derived import Load, Rules, follow
from stillhouse.components.training.ranks import Ranks
from stillhouse.components.training_step.validation import sizes_of

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task

BASE_WIDTH = 384
"""Width of the encoder that the rate below was chosen with; wider ones learn at less, in proportion."""

LOWER = 5.0
"""Part of the learning rate that a training is made with again, after one that learnt nothing."""


def pretrained_rules(width: int) -> Rules:
    """For a backbone that knows the language; the rate falls with depth (Howard and Ruder, 2018, arXiv:1801.06146)."""
    return Rules(steps=600, epochs=(3, 12), learning_rate=2e-4 * min(1.0, BASE_WIDTH / width), layer_decay=0.9)


@dataclass(frozen=True)
class Floor:
    """What always giving the most frequent answer reaches on the validation rows: no more means nothing was learnt."""

    metric: str
    value: float
    greater_is_better: bool

    def is_passed(self, best: float | None) -> bool:
        """Whether the best evaluation of a training is better."""
        if best is None:
            return False
        return best > self.value if self.greater_is_better else best < self.value

    def sentence(self, best: float | None, settings: FinetuneSettings, following: FinetuneSettings) -> str:
        """What to say where it is not, and the training is made anew."""
        return (
            f"With a learning rate of {settings.optimizer.learning_rate:.2g} the teacher learnt nothing "
            f"({self.metric} {best or math.nan:.4f} on the validation rows; one answer for every row has "
            f"{self.value:.4f}); it is trained again with {following.optimizer.learning_rate:.2g}."
        )


def floor_of(task: "Task", train: Examples, validation: Examples) -> Floor:
    """The floor of a dataset."""
    statistics = task.statistics(task.trivial(train, validation), validation)
    main = task.measures[0]
    value = values_of(statistics, [main], len(validation)).get(main.name, math.nan)
    return Floor(main.name, value, main.greater_is_better)


def attempts_from_data(
    task: "Task", settings: FinetuneSettings, loaded: "LoadedModel", train: Examples, *, is_pretrained: bool
) -> list[FinetuneSettings]:
    """`settings` with what the recipe leaves to the data; and, where the learning rate is left to it, the same with a
    lower one, for when nothing is learnt at the first.

    Processes that share a training make one attempt: those that help are gone when it ends.
    """
    assert settings.derive is not None
    first = _from_data(task, settings, loaded, train, is_pretrained)
    if "optimizer.learning_rate" not in settings.derive.keys or Ranks.current().size > 1:
        return [first]
    lower = first.optimizer.model_copy(update={"learning_rate": first.optimizer.learning_rate / LOWER})
    return [first, first.model_copy(update={"optimizer": lower})]


def _from_data(
    task: "Task", settings: FinetuneSettings, loaded: "LoadedModel", train: Examples, is_pretrained: bool
) -> FinetuneSettings:
    model = loaded.model
    lengths, weights = sizes_of(task, loaded, train), task.weights_per_unit(model)
    load = Load(lengths, weights, num_parameters(model), overhead=task.overhead(train))
    rules = task.defaults.finetune
    if is_pretrained:
        rules = replace(pretrained_rules(width(model)), further=rules.further)
    head = "linear_probe" if is_pretrained else "random"
    return follow(settings, load, rules, task.longest(model), {"head": head})
