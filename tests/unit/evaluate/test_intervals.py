"""Intervals that hold what they promise, and differences with the right sign."""

import numpy as np
import pytest

from stillhouse.components.evaluate.intervals import bounds, intervals, mcnemar, measured, paired_difference
from stillhouse.components.targets import resamples
from stillhouse.components.targets.labels import Classes, Number

TARGET = Classes(["ham", "spam"])


def answers(targets: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Scores that are right but for the rows `wrong`."""
    given = np.where(wrong, 1 - targets, targets)
    return np.where(given[:, None] == np.arange(2), 0.9, 0.1)


def compared(student: np.ndarray, other: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    models = {name: TARGET.statistics(scores, targets) for name, scores in (("student", student), ("other", other))}
    found = measured(models, TARGET.measures, len(targets), resamples=500, seed=1)
    errors = [TARGET.errors(statistics) for statistics in models.values()]
    difference = paired_difference("f1_macro", found["student"], found["other"], 0.95)
    return {**difference, "p_value": mcnemar(*errors)}


def test_ninety_percent_intervals_hold_the_true_accuracy_about_ninety_times_in_a_hundred() -> None:
    generator, hits = np.random.default_rng(0), 0
    for seed in range(200):
        targets = generator.integers(0, 2, 150)
        scores = answers(targets, generator.random(150) < 0.2)
        models = {"model": TARGET.statistics(scores, targets)}
        model = measured(models, TARGET.measures, 150, resamples=200, seed=seed)["model"]
        found = intervals(model, 0.9)["accuracy"]
        hits += found["low"] <= 0.8 <= found["high"]
    assert 0.83 <= hits / 200 <= 0.96


def test_a_resample_that_lacks_a_class_does_not_spoil_the_interval_of_roc_auc() -> None:
    targets = np.array([1, 0, 0, 0, 0, 0])
    scores = answers(targets, np.zeros(6, dtype=bool))
    models = {"model": TARGET.statistics(scores, targets)}
    model = measured(models, TARGET.measures, 6, resamples=200, seed=1)["model"]
    assert np.isnan(model.samples["roc_auc"]).any()
    found = intervals(model, 0.95)["roc_auc"]
    assert found == {"value": 1, "low": 1, "high": 1}


def test_rows_that_are_all_right_bound_a_measure_by_their_number() -> None:
    """Clopper and Pearson's bound is 0.9418 for 50 of 50, where every resample says 1."""
    targets = np.arange(50) % 2
    models = {"model": TARGET.statistics(answers(targets, np.zeros(50, dtype=bool)), targets)}
    model = measured(models, TARGET.measures, 50, resamples=200, seed=1)["model"]
    assert intervals(model, 0.95)["accuracy"]["low"] == 1
    accuracy = next(measure for measure in TARGET.measures if measure.name == "accuracy")
    found = bounds(accuracy, model, np.zeros(50), 0.95)
    assert found["lower"] == pytest.approx(1 - 0.0795, abs=1e-4)


def test_a_measure_in_the_users_unit_is_bounded_in_that_unit() -> None:
    """A thousand times the unit, a thousand times the bounds."""
    targets = np.linspace(0, 9, 100)
    off = np.where(np.arange(100) % 3 == 0, 0.5, 0.1)
    found = []
    for unit in (1.0, 1000.0):
        number = Number()
        statistics = number.statistics(unit * (targets + off)[:, None], unit * targets)
        mae = next(measure for measure in number.measures if measure.name == "mae")
        model = measured({"model": statistics}, [mae], 100, resamples=200, seed=1)["model"]
        found.append({**bounds(mae, model, number.errors(statistics), 0.95), **model.values})
    assert found[1]["upper"] == pytest.approx(1000 * found[0]["upper"])
    assert 0.19 < found[0]["lower"] < 0.22 < found[0]["mae"] < 0.25 < found[0]["upper"] < 0.28


def test_a_better_student_is_ahead_with_both_bounds() -> None:
    targets = np.arange(300) % 2
    student, other = answers(targets, np.arange(300) < 15), answers(targets, np.arange(300) < 60)
    found = compared(student, other, targets)
    assert found["difference"] == pytest.approx(0.15, abs=0.001)
    assert 0 < found["lower"] < found["difference"] < found["upper"]
    assert found["p_value"] < 0.001


def test_changing_sides_changes_the_sign() -> None:
    targets = np.arange(200) % 2
    first, second = answers(targets, np.arange(200) < 30), answers(targets, np.arange(200) % 9 == 0)
    there, back = compared(first, second, targets), compared(second, first, targets)
    assert back["difference"] == pytest.approx(-there["difference"])
    assert back["lower"] == pytest.approx(-there["upper"])
    assert back["p_value"] == there["p_value"]


def test_pairing_makes_the_bounds_narrower_than_unpaired_rows_would() -> None:
    targets = np.arange(400) % 2
    student = answers(targets, np.arange(400) < 80)
    other = answers(targets, np.arange(400) < 84)
    found = compared(student, other, targets)
    models = {"student": TARGET.statistics(student, targets)}
    alone = measured(models, TARGET.measures, 400, resamples=500, seed=1)["student"].samples
    spread = np.diff(np.percentile(alone["f1_macro"], [5, 95]))[0]
    assert found["upper"] - found["lower"] < spread / 2


def test_the_same_answers_make_no_difference() -> None:
    targets = np.arange(50) % 2
    scores = answers(targets, np.arange(50) < 5)
    found = compared(scores, scores, targets)
    assert found == {"difference": 0, "lower": 0, "upper": 0, "p_value": 1}


def test_mcnemar_counts_only_rows_on_which_one_of_both_errs() -> None:
    targets = np.zeros(100, dtype=int)
    rows = np.arange(100)
    first = answers(targets, (rows < 1) | (rows >= 90))
    second = answers(targets, ((rows >= 1) & (rows < 10)) | (rows >= 90))
    # One against nine discordant rows: 2 * (1 + 10) / 2**10.
    errors = [TARGET.errors(TARGET.statistics(scores, targets)) for scores in (first, second)]
    assert mcnemar(*errors) == pytest.approx(22 / 1024)


def test_numbers_are_tested_by_which_answer_is_nearer() -> None:
    targets = np.zeros(10)
    near, far = np.full((10, 1), 0.1), np.full((10, 1), -2.0)
    errors = [Number().errors(Number().statistics(scores, targets)) for scores in (near, far)]
    assert mcnemar(*errors) == pytest.approx(2 / 1024)


def test_the_memory_for_weights_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = np.arange(30) % 2
    models = {"model": TARGET.statistics(answers(targets, np.arange(30) < 6), targets)}
    told: list[int] = []
    at_once = measured(models, TARGET.measures, 30, resamples=100, seed=3)["model"].samples["f1_macro"]
    monkeypatch.setattr(resamples, "DRAWN", 30 * 7)
    in_parts = measured(models, TARGET.measures, 30, resamples=100, seed=3, progress=told.append)
    assert in_parts["model"].samples["f1_macro"].tolist() == at_once.tolist()
    assert told[-1] == 100
