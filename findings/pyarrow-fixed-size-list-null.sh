#!/usr/bin/env bash
# pyarrow 25.0.1: a Parquet file with a null in a column of fixed-size lists, written by pyarrow, cannot be read by pyarrow.
#
# Guess: what write_table writes, read_table reads.
# Seen: ArrowInvalid, "Expected all lists to be of size=3 but index ... had size=0", in read_table and iter_batches; without the null, or with a list of any size, it is read. A table of
#   label vectors in which one row is not labelled yet is such a file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pyarrow as pa
from pyarrow import parquet


def comes_back(values: list, kind: pa.DataType) -> str:
    parquet.write_table(pa.table({"labels": pa.array(values, kind)}), "labels.parquet")
    try:
        return "yes" if parquet.read_table("labels.parquet")["labels"].to_pylist() == values else "other values"
    except pa.ArrowInvalid as error:
        return str(error)


vectors = [[1, 0, 1], None]
seen = {
    "fixed size, with a null": comes_back(vectors, pa.list_(pa.int8(), 3)),
    "fixed size, without": comes_back(vectors[:1], pa.list_(pa.int8(), 3)),
    "any size, with a null": comes_back(vectors, pa.list_(pa.int8())),
}
for name, found in seen.items():
    print(f"{name}: {found}")
assert "Expected all lists to be of size=3" in seen["fixed size, with a null"]
assert seen["fixed size, without"] == seen["any size, with a null"] == "yes"
PY
