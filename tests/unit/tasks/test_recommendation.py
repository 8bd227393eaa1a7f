"""Recommendation, from histories to ranked items: trained, distilled, saved, asked."""

import json
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import histories
import numpy as np
import pytest
import torch

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.artifacts.trainings import trainings_of
from stillhouse.components.distill.signal import Kept
from stillhouse.components.evaluate.champion import open_champion
from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.modalities.interactions.items import ItemIndex
from stillhouse.components.modalities.interactions.settings import RecommenderArchitecture
from stillhouse.components.targets.measure import values_of
from stillhouse.components.targets.ranking import top
from stillhouse.components.tasks import load_task, task_of
from stillhouse.components.tasks.interface.results import Results
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.recommendation import Recommendation
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
GOLDEN = Path(__file__).parents[1] / "training" / "golden" / "recommendation.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_recommendation.py"
SHAPE = {"layers": 1, "width": 16, "code": 8, "dropout": 0.1}
FAST: dict[str, Any] = {
    "task": "recommendation",
    "loop": {"epochs": 20, "batch_tokens": 16},
    "optimizer": {"learning_rate": 2e-2},
}
TEACHER = {**FAST, "architecture": SHAPE}
STUDENT = {**FAST, "student": {"architecture": {**SHAPE, "width": 8, "code": 4}}}


@dataclass
class Learnt:
    """A dataset, and what the steps made of it."""

    dataset: Path
    backbone: Any
    teacher: Any
    student: Any

    @property
    def task(self) -> Recommendation:
        """Bound to the dataset."""
        task = task_of(read_spec(self.dataset))
        assert isinstance(task, Recommendation)
        return task


@pytest.fixture(scope="module")
def learnt(workshop_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    """Pretrained, fine-tuned and distilled in under a second."""
    with workshop_in(tmp_path_factory.mktemp("recommendation")) as workshop:
        dataset = histories.write_dataset(workshop.folder / "dataset")
        backbone = workshop.run("pretrain", {**TEACHER, "objective": "variational"}, dataset=dataset)
        teacher = workshop.run("finetune", {**TEACHER, "base": ""}, dataset=dataset, backbone=backbone.model)
        student = workshop.run("distill", STUDENT, dataset=dataset, teacher=teacher.model)
    return Learnt(dataset, backbone, teacher, student)


def measured(learnt: Learnt, answers: Any, split: str = "test") -> dict[str, float]:
    examples = read_split(learnt.dataset, split)
    return values_of(learnt.task.statistics(answers, examples), learnt.task.measures, len(examples))


@pytest.mark.parametrize("model", ["teacher", "student"])
def test_it_learns_what_comes_next(learnt: Learnt, model: str) -> None:
    task, test = learnt.task, read_split(learnt.dataset, "test")
    found = measured(learnt, task.answer(task.load(getattr(learnt, model).model), test))
    popular = measured(learnt, task.trivial(read_split(learnt.dataset, "train"), test))
    assert list(found) == ["ndcg_10", "recall_20", "coverage_10"]
    assert found["ndcg_10"] > popular["ndcg_10"] + 0.1
    assert getattr(learnt, model).info["main_metric"] == "ndcg_10"


def test_the_baseline_is_measured_like_a_model(learnt: Learnt) -> None:
    parts = read_split(learnt.dataset, "train"), read_split(learnt.dataset, "test")
    found = measured(learnt, learnt.task.baseline_answers(*parts, seed=1))
    assert found["ndcg_10"] > measured(learnt, learnt.task.trivial(*parts))["ndcg_10"]


def test_pretraining_is_judged_by_a_figure_and_hands_on_its_weights(learnt: Learnt) -> None:
    assert learnt.backbone.figures["perplexity"] < 36
    loaded = learnt.task.build(str(learnt.backbone.model), None, read_split(learnt.dataset, "train"))
    assert loaded.model.config.variational
    assert learnt.teacher.info["parents"]


def test_a_saved_model_gives_equal_answers(learnt: Learnt, tmp_path: Path) -> None:
    task, test = learnt.task, read_split(learnt.dataset, "test")
    loaded = task.load(learnt.teacher.model)
    tmp_path.joinpath("again").mkdir()
    task.save(loaded, tmp_path / "again")
    (tmp_path / "again" / "model.json").write_text((learnt.teacher.model / "model.json").read_text())
    one, other = task.answer(loaded, test), task.answer(task.load(tmp_path / "again"), test)
    assert [each.tolist() for each in one] == [each.tolist() for each in other]


def test_samples_and_answers_are_equal_whatever_the_batch(learnt: Learnt) -> None:
    task, test = learnt.task, read_split(learnt.dataset, "test")
    loaded = task.load(learnt.student.model)
    one, other = (task.answer(loaded, test, batch_units=units) for units in (1, 256))
    assert [each.tolist() for each in one] == [each.tolist() for each in other]
    samples = task.samples(loaded, test, View(seed=5))
    alone, together = samples.batch(np.array([3]), 2), samples.batch(np.array([1, 3]), 2)
    assert alone["items"].tolist() == together["items"][together["items_row"] == 1].tolist()


def test_what_the_teacher_tells_finds_its_user_again_and_stays_whole_numbers(learnt: Learnt) -> None:
    task, examples = learnt.task, read_split(learnt.dataset, "train")
    loaded = task.load(learnt.teacher.model)
    batch = task.samples(loaded, examples).batch(np.array([4, 0, 2]), 0)
    told = task.signal(task.forward(loaded.model, batch), batch, 2.0)
    kept = Kept.of(told["items"].values, told["items"].counts, np.array([2, 0, 1]))
    assert kept.values.dtype == torch.int64
    values, row = kept.of_rows(torch.tensor([2]))
    assert values.tolist() == told["items"].values[: len(row)].tolist()
    number = min(200, len(task.index.items))
    assert len(row) == number
    assert task.signal_bytes(task.samples(loaded, examples)) == len(examples) * (12 * number + 4)


def test_a_student_that_answers_as_its_teacher_has_no_loss(learnt: Learnt) -> None:
    task, examples = learnt.task, read_split(learnt.dataset, "train")
    loaded = task.load(learnt.teacher.model)
    batch = task.samples(loaded, examples).batch(np.arange(5), 0)
    outputs = task.forward(loaded.model, batch)
    signal = {name: part.values for name, part in task.signal(outputs, batch, 2.0).items()}
    value, users = task.distillation_loss(outputs, signal, batch, 2.0)
    assert users == 5
    assert value.item() == pytest.approx(0.0, abs=1e-4)
    other = task.forward(task.load(learnt.student.model).model, batch)
    assert task.distillation_loss(other, signal, batch, 2.0)[0] > 0.01
    assert set(top(outputs.logits, 2.0)) == set(signal)


@pytest.mark.parametrize(("step", "stop_after"), [("finetune", 4), ("distill", 7)])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(
    workshop: Workshop, learnt: Learnt, step: str, stop_after: int
) -> None:
    settings = {
        **(TEACHER | {"base": ""} if step == "finetune" else STUDENT),
        "loop": {"epochs": 3, "batch_tokens": 16},
    }
    paths = {"backbone": learnt.backbone.model} if step == "finetune" else {"teacher": learnt.teacher.model}
    run = partial(workshop.run, step, settings, dataset=learnt.dataset, **paths)
    unbroken, resumed = workshop.whole_and_resumed(run, stop_after)
    assert resumed.weights == unbroken.weights
    assert resumed.points == unbroken.points


def test_a_base_keeps_the_weights_of_items_that_are_still_there(learnt: Learnt) -> None:
    before = learnt.task.load(learnt.teacher.model)
    items = [*reversed(learnt.task.index.items[2:]), "new"]
    spec = learnt.task.spec.model_copy(update={"fitted": {"items": items}})
    after = Recommendation(spec).build(str(learnt.teacher.model), None, Examples.of(items=[]))
    assert list(after.processor.items) == items
    old, new = before.model.state_dict(), after.model.state_dict()
    assert torch.equal(new["output.bias"][:-1], old["output.bias"][2:].flip(0))
    assert torch.equal(new["encoder.embeddings.weight"][:-1], old["encoder.embeddings.weight"][2:].flip(0))
    assert torch.equal(new["decoder.weight"], old["decoder.weight"])


def test_a_later_run_compares_with_it_as_champion_and_goes_on_from_it(workshop: Workshop, learnt: Learnt) -> None:
    entry = json.dumps({"digest": "d", "uri": str(learnt.student.model)})
    champion = open_champion(entry, learnt.task, read_split(learnt.dataset, "test"))
    assert champion is not None
    assert champion.task is not None
    assert champion.why_not.startswith("which test rows it never saw is not known")  # it was not promoted
    again = workshop.run("finetune", {**FAST, "base": str(learnt.teacher.model)}, dataset=learnt.dataset)
    assert again.figures["validation_ndcg_10"] > 0.1


def test_a_model_of_other_data_is_measured_by_the_names_of_its_items(learnt: Learnt) -> None:
    test = read_split(learnt.dataset, "test")
    known = [*reversed(learnt.task.index.items[3:]), "new"]
    other = Recommendation(learnt.task.spec.model_copy(update={"fitted": {"items": known}}))
    answers = learnt.task.answer(learnt.task.load(learnt.teacher.model), test)
    ground = other.ground(learnt.task, test)
    assert ground.known.all()
    assert not ground.why_not
    found = values_of(ground.theirs(answers, test), other.measures, len(test))
    assert found["ndcg_10"] == pytest.approx(measured(learnt, answers)["ndcg_10"])
    assert found["coverage_10"] <= 1.0


def test_a_report_shows_users_and_groups_of_items(learnt: Learnt) -> None:
    task, test = learnt.task, read_split(learnt.dataset, "test")
    student, teacher = (task.answer(task.load(done.model), test)[0] for done in (learnt.student, learnt.teacher))
    texts = [badge.text for badge in task.badges(test.example(0), student, teacher, 0.25)]
    assert texts[:2] == ["error 0.250", f"taken next: {', '.join(test.example(0)['held_out'])}"]
    assert texts[2].startswith("student: item ")
    assert task.target_in_words(tuple("abcdefg")) == "a, b, c, d, e and 2 more"
    results = Results(test, {}, {}, str, {"student": learnt.student.model})
    (section,) = task.sections(results)
    assert sum(int(str(row[0])) for row in section.tables[0].rows) == len(task.index.items)


def test_a_history_without_anything_held_out_is_answered(learnt: Learnt) -> None:
    task = learnt.task
    asked = Examples.of(items=[["item 0", "item 3"], [], ["never seen"]])
    answers = task.answer(task.load(learnt.student.model), asked)
    rows = list(task.rows(answers, asked))
    assert [len(row["items"]) for row in rows] == [10, 10, 10]
    assert not {"item 0", "item 3"} & set(rows[0]["items"])
    assert not task.unanswered(answers).any()
    assert task.unanswered([np.array([], np.int64)]).tolist() == [True]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: (folder / "items.json").unlink(), "items.json, the items that it knows, is not there"),
        (lambda folder: (folder / "items.json").write_text('["a"]'), "its weights are not those of 1 items"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"a"), "cannot be loaded"),
    ],
    ids=["no items", "items of another", "broken"],
)
def test_a_broken_model_is_refused(learnt: Learnt, tmp_path: Path, change: Any, sentence: str) -> None:
    folder = Path(shutil.copytree(learnt.teacher.model, tmp_path / "model"))
    change(folder)
    with pytest.raises(UserError, match=sentence):
        learnt.task.load(folder)


def test_the_index_is_of_training_users_alone(learnt: Learnt) -> None:
    train = read_split(learnt.dataset, "train")
    taken = {item for name in ("items", "held_out") for some in train.values(name) for item in some}
    assert set(learnt.task.index.items) == taken
    assert isinstance(learnt.task.load(learnt.teacher.model).processor, ItemIndex)
    assert load_task("recommendation") is Recommendation


def test_the_student_of_a_run_of_its_own_is_narrower(learnt: Learnt) -> None:
    asked = learnt.task.student_of(learnt.task.load(learnt.teacher.model))["architecture"]
    assert asked == {"layers": 1, "width": 4, "code": 4, "variational": True, "dropout": 0.1}
    RecommenderArchitecture.model_validate(asked)


def test_a_run_with_a_budget_chooses_the_student_unless_a_recipe_does() -> None:
    given: dict[str, Any] = {"data_source": "a.csv", "data_task": "recommendation", "model_name": "a"}
    for student, left in (({}, True), ({"architecture": {"width": 8}}, False)):
        steps = Parameters.of_recipe({**given, "model_student": student}).steps("recipe")
        derive = steps["distill"].derive
        assert derive is not None
        assert ("student.layers" in derive.keys) is left


def test_with_a_budget_pretraining_follows_from_the_users_and_the_history_says_how(
    learnt: Learnt, workshop: Workshop
) -> None:
    keys = ["mask_probability", "loop.epochs", "loop.batch_tokens", "optimizer.learning_rate"]
    given = {"task": "recommendation", "base": "", "architecture": SHAPE, "derive": {"seconds": 1e6, "keys": keys}}
    done = workshop.run("pretrain", {**given, "objective": "denoising"}, dataset=learnt.dataset)
    used = done.info["settings"]
    assert (used["loop"]["epochs"], used["loop"]["batch_tokens"]) == (20, 32)
    assert (used["mask_probability"], used["optimizer"]["learning_rate"]) == (0.5, 3e-3)
    assert "derive" not in used
    assert trainings_of(done.model)[0]["settings"] == used


def test_an_architecture_says_what_a_recipe_left_out() -> None:
    task = Recommendation(spec_of(["a", "b"]))
    loaded = task.build(None, RecommenderArchitecture(width=8, code=4, dropout=0.0), Examples.of(items=[]))
    assert (loaded.model.config.num_items, loaded.model.config.hidden_size) == (2, 8)
    assert task.weights_per_unit(loaded.model) == sum(p.numel() for p in loaded.model.parameters()) - 2 * 8


def spec_of(items: list[str]) -> Spec:
    return Spec.of_model({"task": "recommendation", "target": "items", "labels": [], "fitted": {"items": items}})


def test_the_losses_are_those_of_the_golden_file(learnt: Learnt) -> None:
    steps = {"pretrain": learnt.backbone, "finetune": learnt.teacher, "distill": learnt.student}
    found = {name: [v for point, _, v in done.points if point == "train/loss"] for name, done in steps.items()}
    if os.environ.get("STILLHOUSE_MAKE_GOLDEN"):
        GOLDEN.write_text(json.dumps({"made_by": COMMAND, "losses": found}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())["losses"]
    assert found.keys() == golden.keys()
    for name, losses in golden.items():
        assert found[name] == pytest.approx(losses, abs=1e-4), name
