#!/usr/bin/env bash
# river 0.26.1: the drift detector FHDDM alarms when a model gets better and is silent when it gets worse.
#
# Guess: given 1 for an error and 0 for a right answer, as its documentation says and as the other binary detectors take it, FHDDM alarms
#   when the share of errors rises.
# Seen: where errors rise from 10 % to 40 % it says nothing in 19 of 20 streams (in one, a chance dip after the rise sets it off); where they fall from 40 % to 10 % it
#   alarms in all 20. DDM and HDDM_A, fed the same bits, do it the other way round. It compares the window's mean with the highest one so far, as its authors' method does for
#   1 = right. Fed 1 - error it alarms on the rise. A retraining that waits for this detector waits for good.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check river==0.26.1
cd "$folder"
cat > probe.py <<'PY'
import random
from collections.abc import Callable

from river import base, drift

STREAMS, ROWS = 20, 1_000
DETECTORS = {"FHDDM": drift.binary.FHDDM, "DDM": drift.binary.DDM, "HDDM_A": drift.binary.HDDMA}


def alarmed(make: Callable[[], base.BinaryDriftDetector], before: float, after: float, right: int = 0) -> int:
    """Of how many streams the second half, with another share of errors, raised an alarm; right: the bit of a right answer."""
    count = 0
    for seed in range(STREAMS):
        generator, detector, alarm = random.Random(seed), make(), False
        for row in range(2 * ROWS):
            error = generator.random() < (before if row < ROWS else after)
            detector.update(1 - right if error else right)
            alarm |= row >= ROWS and detector.drift_detected
        count += alarm
    return count


worse, better = (0.1, 0.4), (0.4, 0.1)
seen = {name: (alarmed(make, *worse), alarmed(make, *better)) for name, make in DETECTORS.items()}
for name, (rise, fall) in seen.items():
    print(f"{name}: alarms in {rise} of {STREAMS} streams that get worse, in {fall} of {STREAMS} that get better")
turned = alarmed(drift.binary.FHDDM, *worse, right=1)
print(f"FHDDM given 1 for right: {turned} of {STREAMS} that get worse")
assert seen["FHDDM"][0] <= 2 and seen["FHDDM"][1] == STREAMS
assert all(seen[name][0] >= STREAMS - 1 and seen[name][1] <= 1 for name in ("DDM", "HDDM_A"))
assert turned == STREAMS
assert "1 indicates error" in drift.binary.FHDDM.__doc__
PY
"$folder/venv/bin/python" probe.py
