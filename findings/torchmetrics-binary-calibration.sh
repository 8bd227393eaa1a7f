#!/usr/bin/env bash
# torchmetrics 1.9.0: the calibration error of a binary classifier depends on whether its two classes are given as one column or two.
#
# Guess: binary_calibration_error(p) equals multiclass_calibration_error of the columns 1 - p and p: the same model, the same rows, the same definition (Guo et al., 2017).
# Seen: 0.244 against 0.117. The binary form compares p itself with the share of ones (bins over 0 to 1), the two-column form the larger probability with the share
#   of right answers (bins over 0.5 to 1). A model that gives every positive half of the chance it has looks twice as bad in one. A gate on calibration has to say which.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.15.0 numpy==2.1.3
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import torch
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

generator = np.random.default_rng(0)
probability = generator.uniform(0, 1, 5_000)
truth = torch.tensor((generator.uniform(0, 1, 5_000) < probability * 0.5).astype(int))
p = torch.tensor(probability, dtype=torch.float32)
one = binary_calibration_error(p, truth, n_bins=15).item()
two = multiclass_calibration_error(torch.stack([1 - p, p], 1), truth, num_classes=2, n_bins=15).item()
print(f"one column {one:.3f}, two columns {two:.3f}")
assert abs(one - 0.244) < 0.002 and abs(two - 0.117) < 0.002
PY
