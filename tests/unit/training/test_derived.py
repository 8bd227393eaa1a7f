"""Settings follow from how many rows there are, how long they are and how much time there is."""

import numpy as np
import pytest

from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.training import derived as module
from stillhouse.components.training.derived import Load, Overhead, Rules, apply, derived, follow, settle, told
from stillhouse.errors import UserError

RULES = Rules(steps=600, epochs=(3, 12), learning_rate=2e-4, layer_decay=0.9)
MINILM = {"weights": 10_600_000, "trained": 22_700_000}


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "num_cores", lambda: 2)
    monkeypatch.setattr(module, "on_gpu", lambda: False)


def settings_for(rows: int, tokens: int, seconds: float) -> dict[str, float]:
    lengths = np.full(rows, tokens)
    return derived(Load(lengths, **MINILM), RULES, seconds, 512)


def test_few_rows_are_seen_more_often() -> None:
    assert settings_for(225, 30, 1e9)["loop.epochs"] == 12
    assert settings_for(1_600, 30, 1e9)["loop.epochs"] == 6
    assert settings_for(100_000, 30, 1e9)["loop.epochs"] == 3


def test_texts_are_cut_to_what_nearly_all_have() -> None:
    lengths = np.concatenate([np.full(960, 40), np.full(40, 500)])
    values = derived(Load(lengths, **MINILM), RULES, 1e9, 512)
    assert values["loop.max_length"] == 48
    assert values["loop.batch_tokens"] == round(16 * (0.96 * 40 + 0.04 * 48))


def test_where_time_is_short_texts_are_cut_further_and_then_epochs_are_fewer() -> None:
    assert settings_for(3_500, 250, 1e9)["loop.max_length"] == 256
    short = settings_for(3_500, 250, 900)
    assert 64 <= short["loop.max_length"] < 256
    assert short["loop.epochs"] == 3
    shortest = settings_for(3_500, 250, 60)
    assert shortest["loop.max_length"] == 64
    assert shortest["loop.epochs"] == 1
    assert shortest["loop.evaluations_per_epoch"] == 2


@pytest.mark.parametrize("seconds", [100, 200, 400, 800])
@pytest.mark.parametrize("rows", [300, 1_500, 5_000])
def test_what_is_derived_fits_into_the_time(rows: int, seconds: float) -> None:
    values = settings_for(rows, 120, seconds)
    load = Load(np.full(rows, 120), **MINILM)
    cost = load.seconds(int(values["loop.max_length"]), int(values["loop.epochs"]))
    assert cost <= seconds or (values["loop.epochs"], values["loop.max_length"]) == (1, 64)


def test_no_text_is_longer_than_the_model_takes() -> None:
    assert derived(Load(np.full(100, 250), **MINILM), RULES, 1e9, 128)["loop.max_length"] == 128


def test_the_teachers_answers_count_as_time() -> None:
    lengths = np.full(5_000, 100)
    with_answers = Load(lengths, 3_500_000, 3_500_000, forward_passes=3)
    assert with_answers.seconds(96, 4) > Load(lengths, 3_500_000, 3_500_000).seconds(96, 4) * 1.2


GPU_HOURS = {"task": "text_classification", "derive": {"seconds": 60.0, "keys": ["loop.epochs"], "gpu_hours": 0.5}}


def test_gpu_hours_are_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    given = FinetuneSettings.model_validate(GPU_HOURS)
    assert follow(given, Load(np.full(1_600, 30), **MINILM), RULES, 512).loop.epochs == 6
    monkeypatch.setattr(module, "num_ranks", lambda: 4)
    many = Load(np.full(160_000, 30), **MINILM)
    with pytest.raises(UserError) as refused:
        follow(given, many, RULES, 512)
    assert str(refused.value) == (
        "budget: 0.5 gpu-hours leave this step 1 min, and 1 epoch of 160,000 examples are reckoned to take 3.4 min; "
        "give '1.7 gpu-hours', fewer rows or epochs, or a smaller model."
    )
    enough = given.derive.model_copy(update={"gpu_hours": 1.7, "seconds": 1.7 / 0.5 * 60}) if given.derive else None
    assert follow(given.model_copy(update={"derive": enough}), many, RULES, 512).loop.epochs == 1


def test_nor_by_what_the_recipe_asks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    given = FinetuneSettings.model_validate(
        {**GPU_HOURS, "derive": {**GPU_HOURS["derive"], "keys": []}, "loop": {"epochs": 1000}}
    )
    with pytest.raises(UserError, match=r"this step 1 min, and 1000 epochs of 1,600 examples are reckoned"):
        follow(given, Load(np.full(1_600, 30), **MINILM), RULES, 512)


def test_gpus_that_train_together_are_reckoned_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    load = Load(np.full(1_600, 512), weights=10**9, trained=10**9)
    alone = load.seconds(512, 1)
    monkeypatch.setattr(module, "num_ranks", lambda: 8)
    assert load.seconds(512, 1) - 2 == pytest.approx((alone - 2) / 8)  # 100 steps of 0.02 s cost the same


def test_only_what_the_recipe_leaves_open_is_derived() -> None:
    given = FinetuneSettings.model_validate({"task": "text_classification", "loop": {"epochs": 7, "seed": 3}})
    values = {"loop.epochs": 2, "optimizer.learning_rate": 1e-3, "head": "linear_probe"}
    settled = apply(given, values, ["optimizer.learning_rate", "head"])
    assert (settled.loop.epochs, settled.loop.seed) == (7, 3)
    assert (settled.optimizer.learning_rate, settled.head) == (1e-3, "linear_probe")


def test_what_is_left_to_the_run_is_told_as_a_recipe_would_have_it() -> None:
    keys = ["head", "class_weights", "loop.epochs", "loop.batch_tokens"]
    given = FinetuneSettings.model_validate({"task": "text_classification", "derive": {"seconds": 1.0, "keys": keys}})
    settled = settle(given, {"head": "linear_probe", "loop.epochs": 4, "optimizer.learning_rate": 1e-3})
    assert settled.optimizer.learning_rate == given.optimizer.learning_rate
    assert told(settled, "token") == {
        "derived": "From the data and the budget follow, batches in tokens: head linear_probe, loop.epochs 4."
    }
    assert told(given.model_copy(update={"derive": None}), "token") == {}


def test_what_a_step_takes_beside_multiplications_counts_as_time() -> None:
    load = Load(np.ones(640, np.int64), 1000, 1000, overhead=Overhead(step=0.01, example=0.001))
    assert load.seconds(1, 2, batch_rows=64) == pytest.approx(2 * (10 * 0.01 + 640 * 0.001), rel=1e-2)
