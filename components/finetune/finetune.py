"""The step finetune: a new head on a backbone, trained on the labelled rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stillhouse.components.artifacts.chosen_base import base_of
from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import notes_of
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.training_step.validation import validation_of

if TYPE_CHECKING:
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.history import History
    from stillhouse.components.training.loop import Unfreezing
    from stillhouse.components.training_step.training_step import TrainingStep


def finetune(
    settings: FinetuneSettings,
    *,
    dataset: str | Path,
    model: str | Path,
    run: "StepRun",
    backbone: str | Path | None = None,
) -> dict[str, float]:
    """Fine-tune the backbone that pretrain wrote (or the base, or random weights) and write the teacher to `model`.

    The weights are those of the evaluation with the best main metric on the validation split.

    Returns:
        Metrics on the validation split and what the training cost.

    Raises:
        UserError: the base cannot be had.
    """
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.training.derived import told
    from stillhouse.components.training_step.training_step import training_step, used

    dataset, backbone = Path(dataset), Path(backbone) if backbone else None
    task = task_of(read_spec(dataset))
    settings = settings.model_copy(update={"base": base_of(settings.base, task.spec)})
    base = str(fetch_model(settings.base)) if settings.base else None
    start = start_of(backbone, base)
    course = _Course(task, start, read_split(dataset, "train"), read_split(dataset, "validation"))
    loaded = course.new_model(settings)
    run.notes(loaded.notes)
    attempts = course.attempts(settings, loaded, is_pretrained=base is not None)
    run.params(used(attempts[0]))
    run.notes(told(attempts[0], task.unit.name))
    inputs = [task.spec.content_digest, digest_folder(start) if start else ""]
    while True:
        settings = attempts.pop(0)
        with training_step("finetune", settings, inputs, run, task.unit.name) as step:
            history = course.train(step, settings, loaded)
            if attempts and (sentence := course.learnt_nothing(history, settings, attempts[0])):
                run.notes({"learning_rate": sentence})
                loaded = course.new_model(settings)
                continue
            task.finish(loaded)
            return step.write_answering(
                Path(model),
                task,
                loaded,
                history,
                train=course.train_rows,
                notes=notes_of(backbone) | loaded.notes if backbone else loaded.notes,
                parents=[Path(start)] if start else [],
                earlier=trainings_of(backbone) if backbone else [],
            )


@dataclass(frozen=True)
class _Course:
    """What every attempt at a teacher shares."""

    task: Task
    start: str | None
    """Folder to start from; None: random weights."""
    train_rows: Examples
    validation: Examples

    def new_model(self, settings: FinetuneSettings) -> "LoadedModel":
        """The backbone under a new head; the same random weights each time."""
        from stillhouse.components.models.layers import set_dropout
        from stillhouse.components.training.randomness import seed_everything

        seed_everything(settings.loop.seed)
        loaded = self.task.build(self.start, settings.architecture, self.train_rows)
        if settings.dropout is not None:
            set_dropout(loaded.model, settings.dropout)
        self.task.begin(self.train_rows, [loaded])
        return loaded

    def attempts(
        self, settings: FinetuneSettings, loaded: "LoadedModel", *, is_pretrained: bool
    ) -> list[FinetuneSettings]:
        """Settings to train with, the next ones for where nothing is learnt with those before."""
        from stillhouse.components.finetune.derive import attempts_from_data

        if settings.derive is None:
            return [settings]
        return attempts_from_data(self.task, settings, loaded, self.train_rows, is_pretrained=is_pretrained)

    def train(self, step: "TrainingStep", settings: FinetuneSettings, loaded: "LoadedModel") -> "History":
        """One attempt."""
        from stillhouse.components.finetune.linear_probe import fit_head
        from stillhouse.components.models.layers import num_layers

        task, model = self.task, loaded.model
        samples = task.samples(loaded, self.train_rows, View(settings.loop.max_length, settings.loop.seed))
        classes = task.probe_targets(self.train_rows)
        if settings.head == "linear_probe" and classes is not None:
            fit_head(task, model, samples, classes)
        loss = task.training_loss(
            self.train_rows, class_weights=settings.class_weights, label_smoothing=settings.label_smoothing
        )
        return step.train(
            model,
            samples,
            lambda network, batch: loss(task.forward(network, batch), batch),
            num_layers=num_layers(model),
            evaluation=validation_of(task, loaded, self.validation, settings.loop.max_length),
            unfreezing=unfreezing_of(settings, num_layers(model)),
        )

    def learnt_nothing(self, history: "History", settings: FinetuneSettings, following: FinetuneSettings) -> str:
        """What to say where the weights that were kept answer no better than one answer for every row; else empty."""
        from stillhouse.components.finetune.derive import floor_of

        floor = floor_of(self.task, self.train_rows, self.validation)
        return "" if floor.is_passed(history.best) else floor.sentence(history.best, settings, following)


def start_of(backbone: Path | None, base: str | None) -> str | None:
    """Folder to start from: what pretrain wrote, else the base, else none: random weights."""
    return str(backbone) if backbone and (backbone / "config.json").is_file() else base


def unfreezing_of(settings: FinetuneSettings, layers: int) -> "Unfreezing":
    """What `freeze` and `unfreeze_every` mean for a model of so many layers."""
    from stillhouse.components.training.loop import Unfreezing

    if settings.freeze == "nothing":
        return Unfreezing()
    level = layers + 1 if settings.freeze == "backbone" else int(settings.freeze) + 1
    return Unfreezing(level, settings.unfreeze_every)
