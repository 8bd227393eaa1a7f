#!/usr/bin/env bash
# cronsim 2.8 and croniter 7.0.0: `0 0 */2 * 1` is every second day that is a Monday for one, every second day and every Monday for the other.
#
# Guess: two readers of the five classic fields agree on which days an expression fires.
# Seen: cronsim follows Debian's cron, where a field that begins with a star restricts (days AND weekdays), croniter does not look at the star once a
#   step follows it (days OR weekdays): 4 firings in January and February 2026 against 33. `1-31/2`, the same days written out, is OR for both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cronsim==2.8 croniter==7.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from datetime import datetime
from itertools import takewhile

from croniter import croniter
from cronsim import CronSim

start, end = datetime(2026, 1, 1), datetime(2026, 3, 1)


def days(firings) -> list[str]:
    return [f"{day:%m-%d}" for day in takewhile(lambda day: day < end, firings)]


counts = {}
for expression in ("0 0 */2 * 1", "0 0 1-31/2 * 1", "0 0 1 * */2"):
    debian = days(CronSim(expression, start))
    other = days(croniter(expression, start).all_next(datetime))
    counts[expression] = (len(debian), len(other))
    print(f"{expression}: cronsim {len(debian)} {debian[:4]}, croniter {len(other)} {other[:4]}")
assert counts == {"0 0 */2 * 1": (4, 33), "0 0 1-31/2 * 1": (33, 33), "0 0 1 * */2": (1, 33)}, counts
PY
