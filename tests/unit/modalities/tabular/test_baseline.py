"""Gradient boosting, the strong baseline on tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillhouse.components.modalities.tabular.baseline import fit_boosting, rows_for_boosting
from stillhouse.components.modalities.tabular.columns import TabularInput, fit_columns
from stillhouse.components.models.boosted_trees import BoostedTrees

ROWS = 400


@pytest.fixture
def rows() -> dict[str, pa.Array]:
    """Numbers with gaps, a category of 40 values, a truth value: 400 rows."""
    random = np.random.default_rng(1)
    number = random.normal(0, 1, ROWS)
    return {
        "number": pa.array(np.where(random.random(ROWS) < 0.1, np.nan, number), from_pandas=True),
        "city": pa.array([f"city {i}" if i else None for i in random.integers(0, 40, ROWS)]),
        "flag": pa.array(["true" if i else None for i in random.integers(0, 2, ROWS)]),  # never false
        "plain": pa.array(random.normal(0, 1, ROWS)),
    }


def _targets(rows: dict[str, pa.Array], target: str) -> np.ndarray:
    """What follows from the columns."""
    city = np.array([0 if name is None else int(name.split()[1]) for name in rows["city"].to_pylist()])
    plain = rows["plain"].to_numpy() + (city % 3) + np.array([flag is None for flag in rows["flag"].to_pylist()])
    if target == "number":
        return plain
    if target == "classes":
        return np.digitize(plain, [0.5, 2.0]).astype(np.int64)
    return np.stack([plain > 1, city % 2 == 0], axis=1).astype(np.float32)


def _reference(matrix: np.ndarray, target: str, targets: np.ndarray) -> np.ndarray:
    """scikit-learn's own answers."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    options: dict[str, Any] = {"categorical_features": [0, 1], "random_state": 0}
    if target == "number":
        return HistGradientBoostingRegressor(**options).fit(matrix, targets).predict(matrix)[:, None]
    if target == "classes":
        return HistGradientBoostingClassifier(**options).fit(matrix, targets).predict_proba(matrix)
    models = [HistGradientBoostingClassifier(**options).fit(matrix, column) for column in targets.T >= 0.5]
    return np.stack([model.predict_proba(matrix)[:, 1] for model in models], axis=1)


@pytest.mark.parametrize(("target", "labels"), [("number", 0), ("classes", 3), ("multi_label", 2)])
def test_it_answers_as_scikit_learn_does(rows: dict[str, pa.Array], target: str, labels: int) -> None:
    columns = fit_columns(rows)
    assert [column.name for column in columns.categorical] == ["city", "flag"]
    targets = _targets(rows, target)
    trees = fit_boosting(columns, rows, target, targets, labels, 0)
    matrix = rows_for_boosting(columns, rows)
    found = trees.score(matrix)
    np.testing.assert_allclose(found, _reference(matrix, target, targets), atol=1e-12, rtol=1e-12)
    assert found.dtype == np.float64


def test_two_classes_are_one_logit(rows: dict[str, pa.Array]) -> None:
    columns = fit_columns(rows)
    targets = (_targets(rows, "number") > 1).astype(np.int64)
    matrix = rows_for_boosting(columns, rows)
    found = fit_boosting(columns, rows, "classes", targets, 2, 0).score(matrix)
    np.testing.assert_allclose(found, _reference(matrix, "classes", targets), atol=1e-12)


def test_what_was_never_seen_is_answered_as_scikit_learn_does(rows: dict[str, pa.Array]) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    columns = fit_columns(rows)
    targets = _targets(rows, "number")
    trees = fit_boosting(columns, rows, "number", targets, 0, 0)
    strange: dict[str, Any] = {
        "number": pa.array([1e9, -1e9, None, 0.0]),
        "plain": pa.array([0.0, None, 9.0, 0.0]),
        "city": pa.array(["nowhere", "city 3", None, "nowhere"]),
        "flag": pa.array(["false", "true", None, "perhaps"]),
    }
    matrix = rows_for_boosting(columns, strange)
    reference = HistGradientBoostingRegressor(categorical_features=[0, 1], random_state=0)
    reference.fit(rows_for_boosting(columns, rows), targets)
    np.testing.assert_allclose(trees.score(matrix)[:, 0], reference.predict(matrix), rtol=1e-12)


@pytest.mark.parametrize("weight", [2.0, 1.0, 0.5, -1.0])
def test_a_category_beside_gaps_is_learnt(weight: float) -> None:
    """scikit-learn 1.9.1 takes another split's set of categories here: R² of its own training rows is -0.64 for 2."""
    table = {
        "colour": pa.array(["a", "b", "c"] * 60),
        "flag": pa.array(["x"] * 90 + [None] * 90),
    }
    targets = np.array([(i % 3 == 0) + weight * (i >= 90) for i in range(180)], np.float64)
    columns = fit_columns(table)
    found = fit_boosting(columns, table, "number", targets, 0, 0).score(rows_for_boosting(columns, table))[:, 0]
    assert np.square(found - targets).mean() < 1e-4 * targets.var()


def test_a_class_without_a_row_is_never_answered(rows: dict[str, pa.Array]) -> None:
    columns, matrix = fit_columns(rows), rows_for_boosting(fit_columns(rows), rows)
    targets = 2 * (_targets(rows, "number") > 1).astype(np.int64)
    scores = fit_boosting(columns, rows, "classes", targets, 4, 0).score(matrix)
    assert scores[:, [1, 3]].max() == 0
    assert (scores.argmax(axis=1) == targets).mean() > 0.9
    assert fit_boosting(columns, rows, "classes", targets * 0, 2, 0).score(matrix).tolist() == [[1.0, 0.0]] * ROWS


def test_labels_that_all_rows_or_none_have_are_answered_so(rows: dict[str, pa.Array]) -> None:
    columns = fit_columns(rows)
    targets = np.stack([np.ones(ROWS), np.zeros(ROWS), _targets(rows, "multi_label")[:, 0]], axis=1).astype(np.float32)
    scores = fit_boosting(columns, rows, "multi_label", targets, 3, 0).score(rows_for_boosting(columns, rows))
    assert (scores[:, 0].min(), scores[:, 1].max()) == (1.0, 0.0)
    assert ((scores[:, 2] > 0.5) == (targets[:, 2] > 0.5)).mean() > 0.9


def test_a_number_that_is_always_the_same_is_answered(rows: dict[str, pa.Array]) -> None:
    columns = fit_columns(rows)
    trees = fit_boosting(columns, rows, "number", np.full(ROWS, 3.5), 0, 0)
    assert trees.score(rows_for_boosting(columns, rows)).tolist() == [[3.5]] * ROWS


def test_more_categories_than_trees_can_tell_apart(rows: dict[str, pa.Array]) -> None:
    names = [f"n{i}" for i in range(300)] * 2 + ["n0"] * 10
    table = {"name": pa.array(names)}
    columns = fit_columns(table, TabularInput(max_categories=1000))
    targets = np.array([int(name[1:]) % 2 for name in names])
    scores = fit_boosting(columns, table, "classes", targets, 2, 0).score(rows_for_boosting(columns, table))
    assert scores.shape == (610, 2)
    assert (rows_for_boosting(columns, table) >= 255).sum() == 0


def test_a_class_of_one_row_does_not_keep_many_rows_from_being_learnt() -> None:
    """scikit-learn stops early from 10,001 rows on, and cannot hold out a part of a class of one."""
    table = {"x": pa.array(np.arange(10_500) % 97 / 7)}
    columns = fit_columns(table)
    targets = (table["x"].to_numpy() > 7).astype(np.int64)
    targets[5] = 2
    scores = fit_boosting(columns, table, "classes", targets, 3, 0).score(rows_for_boosting(columns, table)[:500])
    assert (scores.argmax(axis=1) == targets[:500]).mean() > 0.99


def test_what_is_saved_answers_the_same_bit_for_bit(rows: dict[str, pa.Array], tmp_path: Path) -> None:
    columns = fit_columns(rows)
    trees = fit_boosting(columns, rows, "classes", _targets(rows, "classes"), 3, 0)
    trees.save(tmp_path)
    loaded = BoostedTrees.load(tmp_path, "classes")
    matrix = rows_for_boosting(columns, rows)
    assert loaded.score(matrix).tobytes() == trees.score(matrix).tobytes()
    assert loaded.parameters == trees.parameters > 1000


def test_a_row_is_answered_alike_in_any_batch(rows: dict[str, pa.Array]) -> None:
    columns = fit_columns(rows)
    trees = fit_boosting(columns, rows, "classes", _targets(rows, "classes"), 3, 0)
    matrix = rows_for_boosting(columns, rows)
    told: list[int] = []
    assert trees.score(matrix, told.append)[7:9].tobytes() == trees.score(matrix[7:9]).tobytes()
    assert sum(told) == ROWS
    assert trees.score(matrix[:0]).shape == (0, 3)
