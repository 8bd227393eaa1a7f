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
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from stillhouse.components.artifacts.calibration import TemperatureScaling
    from stillhouse.components.distill.champion import KeptChampion
    from stillhouse.components.distill.signal import Kept
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
    examples = Examples.concat(parts)
    champion = _champion(task, settings, train, examples, run)
    pair = _Pair(task, loaded_teacher, student, examples, champion)
    settings = pair.settled(settings)
    run.params(used(settings))
    run.notes(told(settings, task.unit.name))
    network = pair.network(settings, train)
    inputs = [task.spec.content_digest, digest_folder(teacher_folder), digest_folder(base) if base else ""]
    inputs += [champion.digest] if champion else []
    with training_step("distill", settings, inputs, run, task.unit.name) as step:
        history, kept = pair.train(step, settings, network, validation)
        task.finish(student)
        scaled = _calibrated(task, settings, student, validation, run)
        return step.write_answering(
            Path(model),
            task,
            student,
            history,
            train=train,
            notes=student.notes,
            parents=[teacher_folder],
            earlier=trainings_of(teacher_folder),
            figures={**kept, **({"calibration_temperature": scaled.temperature} if scaled else {})},
            about={"calibration": scaled.model_dump()} if scaled else {},
        )


def _calibrated(
    task: Task, settings: DistillSettings, student: "LoadedModel", validation: Examples, run: "StepRun"
) -> "TemperatureScaling | None":
    """The temperature that the student was scaled by, if it was to be; where it cannot, the run says why."""
    from stillhouse.components.distill.calibration import calibrate

    if not settings.calibrate:
        return None
    scaled = calibrate(task, student, validation, settings.loop.max_length)
    if scaled is None:
        run.notes({"distill.calibrate": "Such answers come without probabilities, so nothing is scaled."})
    return scaled


def _champion(
    task: Task, settings: DistillSettings, train: Examples, examples: Examples, run: "StepRun"
) -> "KeptChampion | None":
    """The champion that the student keeps to, if it is to; where it cannot, the run says why."""
    from stillhouse.components.distill.champion import NotKept, champion_to_keep
    from stillhouse.components.training.precision import pick_device

    if not (settings.keep_champion_right and settings.champion):
        return None
    found = champion_to_keep(task, settings.champion, train, examples, str(pick_device()))
    if isinstance(found, NotKept):
        run.notes({"distill.champion": found.why})
        return None
    return found


@dataclass(frozen=True)
class _Pair:
    """A teacher and its student, and what they are shown."""

    task: Task
    teacher: "LoadedModel"
    student: "LoadedModel"
    examples: Examples
    """Labelled ones, and after them those without a label."""
    champion: "KeptChampion | None" = None

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
        """All examples, with the teacher's answers unless they are too large to keep or more than these is compared,
        and with the champion's where it is kept to."""
        from stillhouse.components.distill.signal import AnsweredSamples, ViewedSamples

        task, view = self.task, View(settings.loop.max_length, settings.loop.seed)
        samples = task.samples(self.student, self.examples, view)
        num_views = task.num_views if task.is_augmented else 1
        size = num_views * task.signal_bytes(samples)
        same = task.same_inputs(self.student, self.teacher, self.examples)
        kept = self._of_champion(step, settings, num_views)
        if settings.compares_inside or (same and size > settings.max_cache_bytes):
            viewed = AnsweredSamples(samples, kept) if kept else ViewedSamples(samples, num_views)
            return viewed, {"teacher_hit_share": 0.0, "teacher_cache_bytes": 0}
        asked = samples if same else task.samples(self.teacher, self.examples, view)

        def signal(model: Any, batch: Batch) -> Any:
            return task.signal(task.forward(model, batch), batch, settings.temperature)

        told = self._told(step, settings, "teacher", self.teacher.model, signal, asked, num_views)
        signals = [mine | theirs for mine, theirs in zip(told, kept, strict=True)] if kept else told
        hit_share = max(0.0, 1 - num_views / settings.loop.epochs)
        return AnsweredSamples(samples, signals), {"teacher_hit_share": hit_share, "teacher_cache_bytes": size}

    def _of_champion(self, step: "TrainingStep", settings: DistillSettings, num_views: int) -> "list[dict[str, Kept]]":
        """What the champion tells of each view of the rows that it has right; empty where there is none to keep to."""
        import torch

        champion = self.champion
        if champion is None:
            return []
        asked = champion.task.samples(champion.model, self.examples, View(seed=settings.loop.seed))
        size = num_views * champion.task.signal_bytes(asked)
        if size > settings.max_cache_bytes:
            raise UserError(
                f"distill: the champion's answers take {size:,} bytes, and distill.max_cache_bytes is "
                f"{settings.max_cache_bytes:,}; raise it, or leave distill.keep_champion_right out."
            )

        def signal(model: Any, batch: Batch) -> Any:
            return champion.signal(model, batch, settings.temperature)

        told = self._told(step, settings, "champion", champion.model.model, signal, asked, num_views)
        right = torch.from_numpy(champion.right)
        return [{name: kept.only(right) for name, kept in of_view.items()} for of_view in told]

    def _told(
        self,
        step: "TrainingStep",
        settings: DistillSettings,
        name: str,
        model: Any,
        signal: Any,
        asked: "Samples",
        num_views: int,
    ) -> "list[dict[str, Kept]]":
        """What a model tells of each view of all examples."""
        from stillhouse.components.distill.teacher import Asking

        unit, total = f"{self.task.unit.name}s", num_views * int(asked.lengths.sum())
        return Asking(
            model,
            signal,
            asked,
            num_views=num_views,
            budget=settings.loop.micro_batch_tokens,
            get_or_make=step.checkpoints.get_or_make,
            progress=lambda done: step.run.progress(done, total, unit, f"{name} answers"),
            name=name,
        ).signals()
