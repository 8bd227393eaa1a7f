#!/usr/bin/env bash
# mlxtend 0.25.0: McNemar's test of two models with the same answers has a p-value of 0.
#
# Guess: where no row tells the two models apart there is no evidence of a difference: p = 1, or NaN as 0 / 0, by each of the three forms.
# Seen: as called without options (corrected=True) chi2 is inf and p 0.0, the strongest evidence there is; corrected=False gives NaN, exact=True
#   1.0. One row of difference gives 1.0, and so the p-value jumps from 0 to 1. The correction takes 1 off |b - c| below zero before squaring,
#   so any b = c gives chi2 above 0 as well: 0.48 for 1 and 1. A gate "promote where p < 0.05 and not worse" lets a copy of the champion through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlxtend==0.25.0 numpy==2.4.6 scikit-learn==1.9.1
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import math

import numpy as np
from mlxtend.evaluate import mcnemar, mcnemar_table

labels = np.arange(100) % 2
champion = np.where(np.arange(100) < 10, 1 - labels, labels)


def p_values(candidate: np.ndarray) -> list[float]:
    """As called without options, without the correction, and exact."""
    table = mcnemar_table(labels, champion, candidate)
    return [float(mcnemar(table, **options)[1]) for options in ({}, {"corrected": False}, {"exact": True})]


def changed(*rows: int) -> np.ndarray:
    candidate = champion.copy()
    candidate[list(rows)] = 1 - candidate[list(rows)]
    return candidate


equal, one, balanced = p_values(champion.copy()), p_values(changed(0)), p_values(changed(0, 50))
print("no row differs:", equal)
print("one row better:", one)
print("one better, one worse:", balanced)
assert equal[0] == 0.0 and math.isnan(equal[1]) and equal[2] == 1.0
assert one[0] == 1.0 and one[2] == 1.0
assert abs(balanced[0] - 0.4795) < 1e-4 and balanced[1] == balanced[2] == 1.0
PY
