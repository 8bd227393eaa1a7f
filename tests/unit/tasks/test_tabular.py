"""Tabular problems: networks and trees on rows of numbers, categories, dates and truth values."""

import datetime as dt
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
from golden_losses import Losses, hold

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec, read_spec
from stillhouse.components.evaluate.champion import open_champion
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.task import View
from stillhouse.components.tasks.tabular import Tabular
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""

GOLDEN = Path(__file__).parent.parent / "training" / "golden" / "tabular.json"
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/tasks/test_tabular.py"
LABELS = {"classes": ["dear", "fair", "cheap"], "multi_label": ["heavy", "red"], "number": []}
SHAPE = {"network": "ft_transformer", "layers": 2, "width": 16, "heads": 2, "bins": 4}
SMALL = TabularArchitecture(network="mlp", layers=1, width=16, bins=2)
LEARNING = {"loop": {"epochs": 20, "batch_tokens": 16}, "optimizer": {"learning_rate": 5e-3}}
SHORT = {"loop": {"epochs": 3, "batch_tokens": 16}}


def rows_of(number: int, seed: int) -> list[dict[str, Any]]:
    """Rows of every kind of column, with gaps."""
    draw = np.random.default_rng(seed)
    return [
        {
            "weight": None if draw.random() < 0.1 else float(draw.normal(50, 10)),
            "colour": str(draw.choice(["red", "green", "blue"])),
            "sold": dt.date(2025, 1, 1) + dt.timedelta(days=int(draw.integers(300))),
            "used": bool(draw.random() < 0.5),
            "constant": 1,
        }
        for _ in range(number)
    ]


def answer_to(row: dict[str, Any], target: str) -> Any:
    """What is to be learnt of a row."""
    heavy, red = (row["weight"] or 50) > 50, row["colour"] == "red"
    if target == "multi_label":
        return [float(heavy), float(red)]
    return 1000.0 + 100 * heavy + 50 * red if target == "number" else int(heavy) + int(red and heavy)


def examples_of(number: int, seed: int, target: str = "classes") -> Examples:
    """Rows with their answers."""
    rows = rows_of(number, seed)
    return Examples.of(features=rows, label=[answer_to(row, target) for row in rows])


def task_for(target: str, train: Examples, augment: float = 0.0) -> Tabular:
    """The task, bound to a dataset of these training rows."""
    about = {"task": "tabular", "target": target, "labels": LABELS[target], "content_digest": target + str(augment)}
    spec = Spec(format=1, columns={"label": "price"}, augment=augment, **about)
    return Tabular(spec.model_copy(update={"fitted": Tabular.fit(spec, train)}))


@pytest.fixture(scope="module")
def train() -> Examples:
    return examples_of(96, 1)


@pytest.fixture(scope="module")
def task(train: Examples) -> Tabular:
    return task_for("classes", train)


@pytest.fixture(scope="module")
def teacher(task: Tabular, train: Examples) -> LoadedModel:
    """Untrained."""
    import torch

    torch.manual_seed(0)
    loaded = task.build(None, TabularArchitecture.model_validate(SHAPE), train)
    loaded.model.eval()
    return loaded


def write_dataset(folder: Path, target: str, augment: float = 0.0) -> Path:
    """A dataset's folder as prepare writes it."""
    folder.mkdir()
    for seed, (split, rows) in enumerate({"train": 96, "validation": 32, "test": 24, "unlabelled": 24}.items()):
        examples = examples_of(rows, seed, target)
        table = examples.table.append_column("hash", pa.array([f"{seed * 1000 + i:032x}" for i in range(rows)]))
        pq.write_table(table if split != "unlabelled" else table.drop("label"), folder / f"{split}.parquet")
    spec = task_for(target, Examples(pq.read_table(folder / "train.parquet")), augment).spec
    (folder / "dataset.json").write_text(spec.model_dump_json())
    return folder


def run(workshop: Workshop, step: str, settings: dict[str, Any], **paths: Any) -> Any:
    """A step with small settings."""
    shape = {} if step == "distill" else {"architecture": SHAPE}
    return workshop.run(step, {"task": "tabular", **shape, **LEARNING, **settings}, **paths)


def test_what_is_fitted_is_json_and_of_training_rows_alone(task: Tabular) -> None:
    assert json.loads(json.dumps(task.spec.fitted)) == task.spec.fitted
    assert {column.name: column.kind for column in task.columns.columns} == {
        "weight": "number",
        "colour": "category",
        "sold": "date",
        "used": "truth",
    }
    assert task.columns.left_out == {"constant": "has the same value in all training rows"}


def test_words_for_no_value_are_those_of_the_recipe(train: Examples) -> None:
    examples = Examples.of(features=[{"a": -999.0 if i % 3 == 0 else float(i % 7)} for i in range(60)])
    about = {"task": "tabular", "target": "classes", "labels": [], "columns": {}, "content_digest": ""}
    spec = Spec(format=1, cleaning={"missing": ["-999"]}, csv={"decimal": ","}, **about)
    (column,) = Tabular.fit(spec, examples)["columns"]
    assert (column["missing"], column["quantiles"][0]) == (20, 0.0)


def test_an_example_has_one_form_one_identity_and_a_row_to_be_shown(task: Tabular) -> None:
    example = task.standardise({"features": {"a": " x ", "b": 7.0, "c": float("nan")}})
    assert example == {"features": {"a": "x", "b": 7.0, "c": None}}
    assert isinstance(example, dict)
    assert task.standardise({"features": {"a": " ", "b": None}}) == "empty"
    assert task.identity(example) == task.identity({"features": {"b": "7", "a": "x", "c": None}})
    assert task.size(example) == 2
    assert task.show(example).startswith('<table class="row"><tr><th>a</th>')
    assert task.likeness(example) is None


@pytest.mark.parametrize("augment", [0.0, 0.5])
def test_samples_are_equal_whatever_batch_asks_for_them(train: Examples, teacher: LoadedModel, augment: float) -> None:
    task = task_for("classes", train, augment)
    samples = task.samples(teacher, train, View(seed=3))
    rows = np.arange(96)
    whole, again = samples.batch(rows, 1), samples.batch(rows[::-1], 1)
    alone = [samples.batch(rows[i : i + 1], 1) for i in rows]
    for name, tensor in whole.items():
        assert tensor.equal(again[name].flip(0)), name
        assert tensor.equal(type(tensor)(np.concatenate([batch[name] for batch in alone])).to(tensor.dtype)), name
    assert whole["numbers"].equal(samples.batch(rows, 2)["numbers"]) == (augment == 0)
    assert task.is_augmented == (augment > 0)


def test_rows_without_labels_are_answered(task: Tabular, teacher: LoadedModel) -> None:
    unseen = [{"weight": 1e9, "colour": "pink", "sold": None, "used": None}]
    answers = task.answer(teacher, Examples.of(features=unseen))
    assert answers.shape == (1, 3)
    assert answers.sum() == pytest.approx(1)
    assert not task.unanswered(answers).any()


def test_columns_of_another_type_than_in_training_are_read(task: Tabular, teacher: LoadedModel) -> None:
    typed = [{"weight": 51.0, "colour": "red", "sold": dt.date(2025, 3, 1), "used": True}]
    written = [{"weight": "51.0", "colour": "red", "sold": "2025-03-01", "used": "True"}]
    answers = [task.answer(teacher, Examples.of(features=rows)) for rows in (typed, written)]
    assert np.array_equal(*answers)


def test_a_table_that_lacks_a_column_is_refused(task: Tabular, teacher: LoadedModel) -> None:
    with pytest.raises(UserError, match=r"column 'sold' is missing, and the model was trained with it; the data has "):
        task.answer(teacher, Examples.of(features=[{"weight": 1.0, "colour": "red", "used": True}]))


@pytest.mark.parametrize("target", ["classes", "multi_label", "number"])
def test_a_signal_taught_is_a_signal_learnt(target: str, train: Examples) -> None:
    import torch

    examples = examples_of(32, 1, target)
    task = task_for(target, examples)
    loaded = task.build(None, SMALL, examples)
    task.begin(examples, [loaded])
    batch = task.samples(loaded, examples).batch(np.arange(32), 0)
    with torch.inference_mode():
        outputs = task.forward(loaded.model.eval(), batch)
    signal = task.signal(outputs, batch, 2.0)
    assert signal["logits"].values.shape == (32, max(1, len(LABELS[target])))
    told = {"logits": signal["logits"].values, "logits_row": torch.arange(32)}
    same, count = task.distillation_loss(outputs, told, batch, 2.0)
    other, _ = task.distillation_loss(
        outputs, {**told, "logits": told["logits"] + torch.randn(told["logits"].shape)}, batch, 2.0
    )
    assert count == 32
    assert same.item() < other.item()
    loss, count = task.loss(outputs, batch)
    assert (count, bool(loss > 0)) == (32, True)


def test_trees_are_written_and_read_as_a_model(task: Tabular, train: Examples, tmp_path: Path) -> None:
    from stillhouse.components.artifacts.model import model_info

    test = examples_of(48, 2)
    trees = task.fit_baseline(train, 1)
    trees.save(tmp_path)
    info = model_info(task.spec, task.measures[0].name, {}, None) | {"load": Tabular.baseline}
    (tmp_path / "model.json").write_text(json.dumps(info))
    loaded = task.load(tmp_path)
    answers = task.answer(loaded, test)
    assert np.array_equal(answers, task.baseline_answers(train, test, 1))
    right = (answers.argmax(1) == test.values("label")).mean()
    assert right > 0.9 > (task.trivial(train, test).argmax(1) == test.values("label")).mean()


def losses(train: Examples) -> list[float]:
    """Loss of each step of a transformer of two layers with swapped cells and dropout, one thread."""
    from stillhouse.components.training.loop import Training
    from stillhouse.components.training.randomness import seed_everything
    from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

    task, record = task_for("classes", train, 0.1), Losses()
    loss = task.training_loss(train, class_weights="balanced", label_smoothing=0.1)
    seed_everything(3)
    loaded = task.build(None, TabularArchitecture.model_validate({**SHAPE, "dropout": 0.1}), train)
    Training(
        loaded.model,
        task.samples(loaded, train, View(seed=3)),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=5, batch_tokens=24, micro_batch_tokens=16, seed=3),
        optimizer=OptimizerSettings(learning_rate=3e-3, layer_decay=0.9),
        num_layers=2,
        report=record,
    ).run()
    return record.losses


def test_the_losses_are_those_of_the_golden_file(train: Examples, one_thread: None) -> None:
    hold(losses(train), GOLDEN, COMMAND)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, workshop_in: Any) -> tuple[Path, Any, Any]:
    """A dataset, its teacher and the backbone that this started from."""
    folder = tmp_path_factory.mktemp("taught")
    dataset = write_dataset(folder / "dataset", "classes", 0.1)
    with workshop_in(folder) as workshop:
        backbone = run(workshop, "pretrain", SHORT, dataset=dataset)
        return dataset, run(workshop, "finetune", {}, dataset=dataset, backbone=backbone.model), backbone


def test_a_teacher_learns_from_what_was_pretrained_and_answers_when_read_again(taught: Any) -> None:
    dataset, teacher, backbone = taught
    assert 0 < backbone.figures["reconstruction_loss"] < 1.5
    assert teacher.figures["validation_f1_macro"] > 0.8
    assert teacher.info["fitted"] == json.loads((dataset / "dataset.json").read_text())["fitted"]
    task, test = Tabular(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    loaded = task.load(teacher.model)
    answers = task.answer(loaded, test)
    (again := teacher.model.parent / "again").mkdir()
    task.save(loaded, again)
    assert safetensors.torch.load_file(again / "model.safetensors").keys() == dict(loaded.model.state_dict()).keys()
    (again / "model.json").write_bytes((teacher.model / "model.json").read_bytes())
    assert np.array_equal(task.answer(task.load(again), test), answers)
    alone = np.concatenate([task.answer(loaded, test.take([i])) for i in range(24)])
    assert alone == pytest.approx(answers, abs=1e-5)


@pytest.mark.parametrize(
    "student",
    [{"architecture": {"network": "mlp", "layers": 1, "width": 16, "bins": 4}}, {"layers": 1}],
    ids=["a small mlp", "the teacher's layers"],
)
def test_a_student_learns_to_answer(workshop: Workshop, taught: Any, student: dict[str, Any]) -> None:
    dataset, teacher, _ = taught
    found = run(workshop, "distill", {"student": student}, dataset=dataset, teacher=teacher.model)
    assert found.figures["validation_f1_macro"] > 0.7
    assert found.info["parameters"] < teacher.info["parameters"]
    assert found.figures["teacher_cache_bytes"] == 2 * (96 + 24) * 3 * 4


def test_a_later_run_compares_with_it_as_champion_goes_on_from_it_and_keeps_what_it_has_right(
    workshop: Workshop, taught: Any
) -> None:
    dataset, teacher, _ = taught
    task, test = task_of(read_spec(dataset)), read_split(dataset, "test")
    champion = open_champion(json.dumps({"digest": "d", "uri": str(teacher.model)}), task, test)
    assert champion is not None
    assert champion.task is not None
    assert champion.why_not.startswith("which test rows it never saw is not known")  # it was not promoted
    again = run(workshop, "finetune", {**SHORT, "base": str(teacher.model)}, dataset=dataset)
    assert again.figures["validation_f1_macro"] > 0.7
    kept = {**SHORT, "keep_champion_right": 5.0, "champion": str(teacher.model), "student": {"layers": 1}}
    free, keeping = (
        run(workshop, "distill", settings, dataset=dataset, teacher=again.model)
        for settings in ({**SHORT, "student": {"layers": 1}}, kept)
    )
    assert keeping.weights != free.weights


def test_numbers_are_learnt_and_answered_in_their_unit(workshop: Workshop, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "numbers", "number")
    teacher = run(workshop, "finetune", {}, dataset=dataset)
    task, test = Tabular(Spec.of_model(teacher.info)), Examples(pq.read_table(dataset / "test.parquet"))
    values = task.answer(task.load(teacher.model), test)[:, 0]
    assert np.abs(values - test.values("label")).mean() < 25


@pytest.mark.parametrize(("step", "stop_after"), [("pretrain", 3), ("finetune", 9), ("distill", 11)])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bits(
    workshop: Workshop, taught: Any, step: str, stop_after: int
) -> None:
    dataset, teacher, _ = taught
    paths = {"dataset": dataset} | ({"teacher": teacher.model} if step == "distill" else {})
    expected, resumed = workshop.whole_and_resumed(partial(run, workshop, step, SHORT, **paths), stop_after)
    assert resumed.weights == expected.weights
    assert resumed.points[-1] == expected.points[-1]
