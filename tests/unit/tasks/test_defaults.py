"""What a recipe of five lines leaves to the run follows from the kind of problem and the rows."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.inspect.settings import Parameters
from stillhouse.components.tasks import load_task
from stillhouse.components.training import derived as module
from stillhouse.components.training.derived import Load, Rules, derived

SMALL = {"weights": 100_000, "trained": 100_000}
KEYS = ("loop.batch_tokens", "loop.epochs", "optimizer.learning_rate")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "num_cores", lambda: 2)
    monkeypatch.setattr(module, "on_gpu", lambda: False)


def rules_of(kind: str, step: str) -> Rules:
    return getattr(load_task(kind).defaults, step)


def derived_for(kind: str, step: str, rows: int, seconds: float = 200.0) -> dict[str, Any]:
    """By key what follows for a small network on so many examples of one unit each."""
    load = Load(np.ones(rows, np.int64), **SMALL, overhead=load_task(kind).defaults.overhead)
    return derived(load, rules_of(kind, step), seconds, None)


@pytest.mark.parametrize(
    ("kind", "step", "rows", "expected"),
    [
        ("recommendation", "pretrain", 755, (32, 11, 3e-3)),
        ("recommendation", "finetune", 755, (32, 18, 3e-3)),
        ("recommendation", "distill", 755, (32, 27, 6e-3)),
        ("recommendation", "finetune", 50_000, (32, 5, 3e-3)),
        ("tabular", "pretrain", 13_735, (64, 5, 1e-3)),
        ("tabular", "finetune", 13_735, (64, 10, 1e-3)),
        ("tabular", "distill", 13_735, (64, 10, 2e-3)),
        ("tabular", "finetune", 300, (64, 60, 1e-3)),
        ("image_classification", "pretrain", 5_000, (32, 2, 1e-3)),
        ("image_classification", "finetune", 5_000, (32, 13, 3e-3)),
        ("image_classification", "distill", 5_000, (32, 17, 5e-3)),
        ("text_classification", "pretrain", 300, (32, 3, 5e-4)),
        ("text_classification", "pretrain", 50_000, (32, 1, 5e-4)),
        ("text_classification", "finetune", 300, (16, 40, 1e-3)),
        ("token_classification", "finetune", 300, (16, 40, 1e-3)),
    ],
)
def test_batches_epochs_and_rate_follow_from_kind_and_rows(
    kind: str, step: str, rows: int, expected: tuple[int, int, float]
) -> None:
    values = derived_for(kind, step, rows)
    assert tuple(values[key] for key in KEYS) == expected


@pytest.mark.parametrize("kind", ["recommendation", "tabular"])
def test_where_steps_cost_more_than_multiplications_there_are_fewer_epochs(kind: str) -> None:
    # An epoch is 1,563 steps in both: 16 s for users, 8 s for rows; multiplications are 1 s or less of it.
    values = derived_for(kind, "finetune", 50_000 if kind == "recommendation" else 100_000, seconds=35.0)
    assert values["loop.epochs"] == {"recommendation": 2, "tabular": 3}[kind]


def test_large_photographs_are_seen_in_fewer_epochs() -> None:
    def of(side: int) -> Examples:
        file = io.BytesIO()
        Image.new("RGB", (side, side), "red").save(file, "JPEG")
        return Examples.of(image=[file.getvalue()] * 3)

    task = load_task("image_classification")(
        Spec(format=1, task="image_classification", target="classes", labels=["a", "b"], columns={}, content_digest="")
    )
    small, large = task.overhead(of(28)), task.overhead(of(1000))
    assert small.example == pytest.approx(2.5e-4 + 784 * 2.5e-8)
    assert large.example == pytest.approx(2.5e-4 + 1e6 * 2.5e-8)
    epochs = [
        derived(Load(np.ones(5_000, np.int64), **SMALL, overhead=each), task.defaults.finetune, 216.0, None)
        for each in (small, large)
    ]
    assert [values["loop.epochs"] for values in epochs] == [13, 1]


def steps_of(kind: str, **given: Any) -> Any:
    return Parameters.of_recipe({"data_source": "a.csv", "data_task": kind, "model_name": "a", **given}).steps("recipe")


@pytest.mark.parametrize(
    ("kind", "further"),
    [
        ("token_classification", {"pretrain": set(), "finetune": set(), "distill": set()}),
        ("recommendation", {"pretrain": {"mask_probability"}, "finetune": set(), "distill": {"temperature"}}),
        (
            "tabular",
            {"pretrain": set(), "finetune": {"class_weights"}, "distill": {"temperature", "soft_weight"}},
        ),
    ],
)
def test_a_kind_of_problem_may_leave_more_to_the_run_than_text(kind: str, further: dict[str, Any]) -> None:
    texts, steps = steps_of("text_classification"), steps_of(kind)
    for step, more in further.items():
        assert set(steps[step].derive.keys) - set(texts[step].derive.keys) == more


def test_what_the_recipe_says_is_not_left_to_the_run() -> None:
    steps = steps_of("tabular", step_overrides={"distill": {"temperature": 3.0}})
    assert "temperature" not in steps["distill"].derive.keys
    assert steps_of("tabular", train_budget="none")["pretrain"].derive is None
