"""One training of a step: its checkpoints, its figures, and the model that it writes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import model_info, write_model
from stillhouse.components.artifacts.trainings import Trained, described
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.runtime.checkpoint_store import checkpoints_of
from stillhouse.components.tasks import Task
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.components.training.history import History
from stillhouse.components.training.loop import Evaluation, Training, Unfreezing
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings
from stillhouse.components.training_step.lengths import lengths_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples


class TrainingSettings(Protocol):
    """Settings of a step that trains."""

    @property
    def loop(self) -> LoopSettings:
        """Of the loop."""
        ...

    @property
    def optimizer(self) -> OptimizerSettings:
        """Of the optimizer."""
        ...

    def model_dump(self, *, exclude: set[str]) -> dict[str, Any]:
        """All of them, without those that `exclude` names."""
        ...


def used(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that a training is made with, as params, fingerprint and model.json hold them: what `derive` left to
    the data is in them by then, and it is left out."""
    return settings.model_dump(exclude={"derive"})


@dataclass(frozen=True)
class TrainingStep:
    """A training under way; made by `training_step`."""

    name: str
    """Of the pipeline's step."""
    settings: TrainingSettings
    run: "StepRun"
    checkpoints: Checkpoints
    unit: str
    """What its examples are counted in: token."""

    def train(
        self,
        network: "nn.Module",
        samples: "Samples",
        loss: "Callable[[Any, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]",
        *,
        num_layers: int,
        evaluation: Evaluation | None,
        unfreezing: Unfreezing | None = None,
    ) -> History:
        """Train `network`, or go on from its newest checkpoint; the best weights are left in it.

        Args:
            loss: (network, micro-batch) -> sum of the losses, a scalar, and over how many things it sums.
            num_layers: of the model in `network`, for rates that fall with depth and for what is frozen.
            unfreezing: what is frozen, and when it learns again; None: nothing is.

        Raises:
            Preempted: a signal asked to stop; a checkpoint was written first.
            UserError: no evaluation was a finite number.
        """
        return Training(
            network,
            samples,
            loss,
            settings=self.settings.loop,
            optimizer=self.settings.optimizer,
            num_layers=num_layers,
            report=self.run,
            evaluation=evaluation,
            checkpoints=self.checkpoints,
            unfreezing=unfreezing or Unfreezing(),
            unit=self.unit,
        ).run()

    def write(
        self,
        folder: Path,
        task: Task,
        loaded: LoadedModel,
        history: History,
        *,
        metric: str,
        figures: Mapping[str, float],
        info: dict[str, Any],
        parents: list[Path],
        earlier: Sequence[Trained] = (),
        keeps_last: bool = False,
        lengths: Mapping[str, Any] | None = None,
    ) -> dict[str, float]:
        """Report the figures, then write the model folder: where that is, all is done.

        Args:
            metric: by which the weights that were kept were chosen.
            figures: beside those of every training.
            info: for model.json, see `write_model`.
            parents: model folders that this one came from.
            earlier: trainings that it came out of before this one, the first one first.
            keeps_last: whether the metric chose nothing, and the last weights were kept.
            lengths: of what it learnt from, as `lengths_of` has them.

        Returns:
            The figures.
        """
        figures = {**figures, **history.summary(self.unit)}
        self.run.metrics(figures, step=history.step)
        trained = described(self.name, history, metric, keeps_last=keeps_last)
        cut = {"lengths": lengths} if lengths else {}
        trainings = [*earlier, {**trained, "settings": used(self.settings), **cut}]
        write_model(loaded, folder, task.save, info=info, parents=parents, trainings=trainings)
        return figures

    def write_answering(
        self,
        folder: Path,
        task: Task,
        loaded: LoadedModel,
        history: History,
        *,
        train: Examples,
        notes: dict[str, str],
        parents: list[Path],
        earlier: Sequence[Trained],
        figures: Mapping[str, float] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> dict[str, float]:
        """`write` for a model that answers the dataset's target.

        Args:
            train: the labelled rows that it learnt from.
            notes: what must be said of how its base was read: sentences by name.
            about: what else model.json says.
        """
        main, max_length = task.measures[0].name, self.settings.loop.max_length
        info = model_info(task.spec, main, used(self.settings), max_length)
        return self.write(
            folder,
            task,
            loaded,
            history,
            metric=main,
            figures={**history.best_point(), **(figures or {})},
            info={**info, "notes": notes, **(about or {})},
            parents=parents,
            earlier=earlier,
            lengths=lengths_of(task, loaded, train, max_length),
        )


@contextmanager
def training_step(
    name: str, settings: TrainingSettings, inputs: list[str], run: "StepRun", unit: str
) -> Iterator[TrainingStep]:
    """A training with checkpoints under the fingerprint of step, settings and inputs; they go when the block ends well.

    Args:
        inputs: digests of what the step reads.
        unit: what its examples are counted in: token.
    """
    with checkpoints_of(name, used(settings), inputs, settings.loop.keep_checkpoints) as checkpoints:
        yield TrainingStep(name, settings, run, checkpoints, unit)
