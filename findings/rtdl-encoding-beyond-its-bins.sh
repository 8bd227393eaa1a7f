#!/usr/bin/env bash
# rtdl_num_embeddings 0.0.12: a piecewise linear encoding is not bounded by its bins: beyond the outermost edges it grows.
#
# Guess: each value of the encoding lies between 0 and 1, as a share of its bin; what lies beyond the edges is all or nothing.
# Seen: the first bin goes below 0 and the last one above 1, without limit: with edges 0, 1, 2, 3 the value 30 is encoded as
#   1, 1, 28 and -30 as -30, 0, 0 (so the authors' formula has it: only inner bins are clipped). One row far outside of
#   what training saw sends a large number into the network: clip, or take quantiles, before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps rtdl_num_embeddings==0.0.12
"$folder/venv/bin/python" - <<'PY'
import torch
from rtdl_num_embeddings import PiecewiseLinearEncoding

encoding = PiecewiseLinearEncoding([torch.tensor([0.0, 1.0, 2.0, 3.0])])
rows = {value: encoding(torch.tensor([[value]])).tolist()[0] for value in (-30.0, 1.5, 30.0)}
print(rows)
assert rows == {-30.0: [-30.0, 0.0, 0.0], 1.5: [1.0, 0.5, 0.0], 30.0: [1.0, 1.0, 28.0]}
PY
