#!/usr/bin/env bash
# pyarrow 25.0.1: the text of a duration says no unit, and a moment out of range becomes a text instead of an error.
#
# Guess: cast(string) gives one text for one value, whatever unit the file stores it in, and raises where it cannot.
# Seen: 90 seconds are "90", "90000", "90000000" or "90000000000", by the column's unit, so a group column read from pandas 2 (ns) and pandas 3 (us) files is two sets of
#   groups. One moment is four texts as well ("03:04:05" to "03:04:05.000000000"). Year 200,000 in microseconds is the text "<value out of range: ...>".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

UNITS = ("s", "ms", "us", "ns")
durations = [pc.cast(pa.array([timedelta(seconds=90)], pa.duration(unit)), pa.string())[0].as_py() for unit in UNITS]
moment = datetime(2026, 1, 2, 3, 4, 5)
moments = [pc.cast(pa.array([moment], pa.timestamp(unit)), pa.string())[0].as_py() for unit in UNITS]
far = pc.cast(pa.array([6_248_000_000_000_000_000], pa.timestamp("us")), pa.string())[0].as_py()
print(durations, moments, far)
assert durations == ["90", "90000", "90000000", "90000000000"]
assert len(set(moments)) == 4
assert far.startswith("<value out of range")
PY
