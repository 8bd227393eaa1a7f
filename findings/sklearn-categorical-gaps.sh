#!/usr/bin/env bash
# scikit-learn 1.9.1: gradient boosting on a categorical column of one category and gaps learns where the gaps are and then
# sends the rows the wrong way.
#
# Guess: a column that holds one category or nothing is worth as much as a categorical column as it is as a number: the
#   target follows from "is it missing", so either way R2 on the training rows is near 1.
# Seen: as numbers 1.00, as categorical features below 0: worse than answering the mean. The second column's gaps are split on,
#   and the fitted tree then decides by a set of categories that belongs to another split. A gap given a code of its own before
#   the fit (a second category) is learnt: 1.00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

rows = np.array([[kind, part] for kind in (0.0, 1.0, 2.0) for part in (0.0, np.nan) for _ in range(30)])
target = (rows[:, 0] == 0) + 2.0 * np.isnan(rows[:, 1])
coded = np.column_stack([rows[:, 0], np.nan_to_num(rows[:, 1], nan=1.0)])


def score(features: np.ndarray, categorical: list[int] | None) -> float:
    model = HistGradientBoostingRegressor(categorical_features=categorical, random_state=0)
    return model.fit(features, target).score(features, target)


numbers, categories, own_code = score(rows, None), score(rows, [0, 1]), score(coded, [0, 1])
print(f"R2 on the training rows: numbers {numbers:.2f}, categories {categories:.2f}, gaps as a category {own_code:.2f}")
assert numbers > 0.99 and own_code > 0.99
assert categories < 0
PY
