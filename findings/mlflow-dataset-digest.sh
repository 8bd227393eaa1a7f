#!/usr/bin/env bash
# mlflow 3.17.2: the digest of a logged data set is blind to rows from the 10,001st on and to whole column types.
#
# Guess: mlflow.data.from_pandas(frame).digest changes when a value of the frame changes, as a content digest does.
# Seen: of a frame of 20,000 rows it stays the same when a number of row 15,000 changes, when the last quarter is replaced
#   by copies of the first, when every time moves by nine hours, when every truth value turns and when every list
#   changes: text and numbers of the first 10,000 rows (and the number of rows) are all it sees. A change in row 3, or the rows in another order, do change it.
#   from_numpy is blind to the later part of an array in the same way: 20,000 x 4 zeros and the same with ones from row 2,600 on are one digest.
# So "trained on the same data set" in MLflow's interface is no evidence that the data was the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 pandas==3.1.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import mlflow.data
import numpy as np
import pandas as pd

ROWS = 20_000
frame = pd.DataFrame(
    {
        "number": np.arange(ROWS),
        "text": [f"row {i}" for i in range(ROWS)],
        "time": pd.date_range("2026-01-01", periods=ROWS, freq="min"),
        "truth": True,
        "list": [[1, 2]] * ROWS,
    }
)
changed = {
    "number in row 15,000": frame.assign(number=frame.number.where(frame.index != 15_000, -1)),
    "last quarter replaced": pd.concat([frame.iloc[:15_000], frame.iloc[:5_000]], ignore_index=True),
    "times nine hours later": frame.assign(time=frame.time + pd.Timedelta("9h")),
    "truth values turned": frame.assign(truth=False),
    "other lists": frame.assign(list=[[9]] * ROWS),
    "number in row 3": frame.assign(number=frame.number.where(frame.index != 3, -1)),
    "rows in another order": frame.iloc[::-1].reset_index(drop=True),
}
base = mlflow.data.from_pandas(frame).digest
same = {name: mlflow.data.from_pandas(other).digest == base for name, other in changed.items()}
zeros = np.zeros((ROWS, 4))
ones = zeros.copy()
ones[2_600:] = 1
same["array, ones from row 2,600"] = mlflow.data.from_numpy(zeros).digest == mlflow.data.from_numpy(ones).digest
for name, equal in same.items():
    print(f"{name}: {'the same digest' if equal else 'another digest'}")
assert [name for name, equal in same.items() if not equal] == ["number in row 3", "rows in another order"]
PY
