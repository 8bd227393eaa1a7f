#!/usr/bin/env bash
# fairlearn 0.15.0: a model without a mistake is as unfair as can be where one group has no positive row.
#
# Guess: the true positive rate of a group without a positive row does not exist, so the group is left out, or the difference is NaN,
#   or the call is refused, as one with a gap among the groups is. A model that is right on every row gets no difference above 0.
# Seen: the rate counts as 0, so equalized_odds_difference and equal_opportunity_difference of the perfect model are 1.0 and the ratio 0.0,
#   their worst values, without a warning; with one positive row in that group they are 0.0, 0.0 and 1.0, their best. On small slices,
#   where a rare class may be missing, a gate on them turns on which rows were drawn: count each group's positives first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fairlearn==0.15.0 scikit-learn==1.9.1 numpy==2.4.6 pandas==3.1.1
cd "$folder"
cat > probe.py <<'PY'
import warnings

import numpy as np
from fairlearn.metrics import equal_opportunity_difference, equalized_odds_difference, equalized_odds_ratio

warnings.simplefilter("error", RuntimeWarning)
warnings.simplefilter("error", UserWarning)
groups = np.repeat(["small", "large"], [20, 100])
labels = np.concatenate([np.zeros(20, int), np.arange(100) % 2])
one_more = labels.copy()
one_more[0] = 1


def measured(labels: np.ndarray, answers: np.ndarray) -> list[float]:
    measures = (equalized_odds_difference, equal_opportunity_difference, equalized_odds_ratio)
    return [float(measure(labels, answers, sensitive_features=groups)) for measure in measures]


perfect, whole = measured(labels, labels), measured(one_more, one_more)
print("odds difference, opportunity difference, odds ratio")
print("no mistake, a group without positives:", perfect)
print("no mistake, one positive in that group:", whole)
assert perfect == [1.0, 1.0, 0.0] and whole == [0.0, 0.0, 1.0]
PY
"$folder/venv/bin/python" probe.py
