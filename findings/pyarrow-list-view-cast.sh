#!/usr/bin/env bash
# pyarrow 25.0.1: casting a list_view to a list empties lists that stand behind a null.
#
# Guess: the cast only writes the same values in the other layout, as to_pylist() before and after shows.
# Seen: [["a", "b"], [], None, ["c"]] becomes [["a", "b"], [], None, []], as list and as large_list, without an error. to_pylist() of the view and its round trip
#   through Parquet are right. Labels of several names, which polars and others hand over as views, lose what is said of a row.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pyarrow as pa
from pyarrow import parquet

names = [["a", "b"], [], None, ["c"]]
view = pa.array(names, pa.list_view(pa.string()))
cast = {str(kind): view.cast(kind).to_pylist() for kind in (pa.list_(pa.string()), pa.large_list(pa.string()))}
parquet.write_table(pa.table({"labels": view}), "labels.parquet")
print("view", view.to_pylist(), "cast", cast)
assert view.to_pylist() == names
assert parquet.read_table("labels.parquet")["labels"].to_pylist() == names
assert all(found == [["a", "b"], [], None, []] for found in cast.values())
PY
