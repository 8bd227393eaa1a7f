"""What a training tells of itself when it has ended."""

from stillhouse.components.training.history import History

NAN = float("nan")


def test_the_kept_evaluation_is_told_without_where_it_was() -> None:
    points = [
        {"step": 1, "epochs": 0.5, "f1_macro": 0.5, "ece": 0.1},
        {"step": 2, "epochs": 1.0, "f1_macro": 0.8, "ece": NAN},
        {"step": 3, "epochs": 1.5, "f1_macro": 0.7, "ece": 0.3},
    ]
    assert History(step=3, best=0.8, best_step=2, points=points).best_point() == {"validation_f1_macro": 0.8}
