"""A model's folder tells how the trainings went that it came out of."""

from pathlib import Path

from stillhouse.components.artifacts.trainings import described, trainings_of, write_trainings
from stillhouse.components.training.history import History


def test_values_that_are_not_finite_are_left_out_and_the_rest_is_read_as_written(tmp_path: Path) -> None:
    history = History(
        step=4,
        best=0.8,
        best_step=2,
        losses=[[1, 0.7], [2, float("nan")], [3, 0.5]],
        points=[{"step": 2, "epochs": 1.0, "f1_macro": 0.8}, {"step": 4, "epochs": 2.0, "f1_macro": float("inf")}],
    )
    write_trainings(tmp_path, [described("finetune", history, "f1_macro")])
    (found,) = trainings_of(tmp_path)
    assert (found["losses"], found["points"]) == ([[1, 0.7], [3, 0.5]], [[2, 0.8]])
    assert (found["step"], found["metric"], found["best"], found["best_step"]) == ("finetune", "f1_macro", 0.8, 2)


def test_a_model_from_elsewhere_tells_of_none(tmp_path: Path) -> None:
    assert trainings_of(tmp_path) == []
