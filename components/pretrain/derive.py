"""What of pretrain follows from the data."""

from typing import TYPE_CHECKING

from stillhouse.components.models.layers import num_parameters
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.training.derived import Load, follow
from stillhouse.components.training_step.validation import sizes_of

if TYPE_CHECKING:
    from stillhouse.components.artifacts.examples import Examples
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tasks import Task


def from_data(
    task: "Task", settings: PretrainSettings, loaded: "LoadedModel", examples: "Examples"
) -> PretrainSettings:
    """`settings` with what the recipe leaves to the data, where the kind of problem says how that follows."""
    rules = task.defaults.pretrain
    if settings.derive is None or rules is None:
        return settings
    model = loaded.model
    weights = task.weights_per_unit(model) + task.predicting_weights(model, settings.mask_probability)
    load = Load(sizes_of(task, loaded, examples), weights, num_parameters(model), overhead=task.overhead(examples))
    return follow(settings, load, rules, task.longest(model))
