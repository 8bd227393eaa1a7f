"""The step distill: a student learns its teacher's soft answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.task import Batch, View
from stillhouse.components.training_step.validation import validation_of

if TYPE_CHECKING:
    from stillhouse.components.distill.student import StudentWithProjections
    from stillhouse.components.models.loaded import LoadedModel
    from stillhouse.components.tracking.run import StepRun
    from stillhouse.components.training.batches import Samples
    from stillhouse.components.training.history import History
    from stillhouse.components.training_step.training_step import TrainingStep


def distill(
    settings: DistillSettings, *, dataset: str | Path, teacher: str | Path, model: str | Path, run: "StepRun"
) -> dict[str, float]:
    """Distill `teacher` into a student and write it to the folder `model`.

    Returns:
        Metrics on the validation split, what the training cost, and how the teacher's answers were kept.

    Raises:
        UserError: the student cannot be made of this teacher.
    """
    from stillhouse.components.artifacts.fetch import fetch_model
    from stillhouse.components.distill.derive import student_from_teacher
    from stillhouse.components.distill.student import make_student
    from stillhouse.components.storage.digests import digest_folder
    from stillhouse.components.training.derived import told
    from stillhouse.components.training.precision import pick_device
    from stillhouse.components.training.randomness import seed_everything
    from stillhouse.components.training_step.training_step import training_step, used

    task, dataset, teacher_folder = task_of(read_spec(Path(dataset))), Path(dataset), Path(teacher)
    train, validation = read_split(dataset, "train"), read_split(dataset, "validation")
    seed_everything(settings.loop.seed)
    loaded_teacher = task.load(teacher_folder, str(pick_device()))
    settings = student_from_teacher(task, settings, loaded_teacher)
    base = str(fetch_model(settings.student.base)) if settings.student.base else None
    student = make_student(task, loaded_teacher, settings.student, base, train)
    run.notes(student.notes)
    parts = [train, read_split(dataset, "unlabelled")] if settings.use_unlabelled else [train]
    pair = _Pair(task, loaded_teacher, student, Examples.concat(parts))
    settings = pair.settled(settings)
    run.params(used(settings))
    run.notes(told(settings, task.unit.name))
    network = pair.network(settings, train)
    inputs = [task.spec.content_digest, digest_folder(teacher_folder), digest_folder(base) if base else ""]
    with training_step("distill", settings, inputs, run, task.unit.name) as step:
        history, kept = pair.train(step, settings, network, validation)
        task.finish(student)
        return step.write_answering(
            Path(model),
            task,
            student,
            history,
            train=train,
            notes=student.notes,
            parents=[teacher_folder],
            earlier=trainings_of(teacher_folder),
            figures=kept,
        )


@dataclass(frozen=True)
class _Pair:
    """A teacher and its student, and what they are shown."""

    task: Task
    teacher: "LoadedModel"
    student: "LoadedModel"
    examples: Examples
    """Labelled ones, and after them those without a label."""

    def settled(self, settings: DistillSettings) -> DistillSettings:
        """The settings with what is left to the data."""
        from stillhouse.components.distill.derive import from_data

        if settings.derive is None:
            return settings
        return from_data(self.task, settings, self.teacher, self.student, self.examples)

    def network(self, settings: DistillSettings, train: Examples) -> "StudentWithProjections":
        """What is trained; from here on both answer in the units of learning: they are compared in these.

        Raises:
            UserError: hidden states or attention maps are to be compared, and these two have none alike.
        """
        from stillhouse.components.distill.student import StudentWithProjections, check_comparable

        if settings.compares_inside:
            check_comparable(self.task, self.student, self.teacher, settings, train)
        network = StudentWithProjections(
            self.student.model, self.teacher.model, match_hidden=settings.hidden_weight > 0
        )
        answering = [self.teacher, self.student] if settings.origin == "teacher" else [self.teacher]
        self.task.begin(train, [self.student], answering)
        return network

    def train(
        self, step: "TrainingStep", settings: DistillSettings, network: "StudentWithProjections", validation: Examples
    ) -> "tuple[History, dict[str, float]]":
        """Train the student; beside the history come figures of how the teacher's answers were kept."""
        from stillhouse.components.distill.loss import DistillationLoss
        from stillhouse.components.models.layers import num_layers
        from stillhouse.components.training.loop import Unfreezing

        samples, kept = self._samples(step, settings)
        student = self.student.model
        evaluation = validation_of(
            self.task, self.student, validation, settings.loop.max_length, network_of=lambda _: student
        )
        if settings.attention_weight:
            for model in (self.teacher.model, student):
                model.set_attn_implementation("eager")  # the only one that hands its maps out
        history = step.train(
            network,
            samples,
            DistillationLoss(self.task, self.teacher.model, settings),
            num_layers=num_layers(student),
            evaluation=evaluation,
            unfreezing=Unfreezing(1 if settings.freeze_embeddings else 0),
        )
        return history, kept

    def _samples(self, step: "TrainingStep", settings: DistillSettings) -> "tuple[Samples, dict[str, float]]":
        """All examples, with the teacher's answers unless they are too large to keep or more than these is compared."""
        from stillhouse.components.distill.signal import AnsweredSamples, ViewedSamples
        from stillhouse.components.distill.teacher import Asking

        task, run, view = self.task, step.run, View(settings.loop.max_length, settings.loop.seed)
        samples = task.samples(self.student, self.examples, view)
        num_views = task.num_views if task.is_augmented else 1
        size = num_views * task.signal_bytes(samples)
        same = task.same_inputs(self.student, self.teacher, self.examples)
        if settings.compares_inside or (same and size > settings.max_cache_bytes):
            return ViewedSamples(samples, num_views), {"teacher_hit_share": 0.0, "teacher_cache_bytes": 0}
        asked = samples if same else task.samples(self.teacher, self.examples, view)
        total = num_views * int(asked.lengths.sum())

        def signal(model: Any, batch: Batch) -> Any:
            return task.signal(task.forward(model, batch), batch, settings.temperature)

        signals = Asking(
            self.teacher.model,
            signal,
            asked,
            num_views=num_views,
            budget=settings.loop.micro_batch_tokens,
            get_or_make=step.checkpoints.get_or_make,
            progress=lambda done: run.progress(done, total, f"{task.unit.name}s", "teacher answers"),
        ).signals()
        hit_share = max(0.0, 1 - num_views / settings.loop.epochs)
        return AnsweredSamples(samples, signals), {"teacher_hit_share": hit_share, "teacher_cache_bytes": size}
