#!/usr/bin/env bash
# crepes 0.9.1: the same object gets another p-value, and so another prediction set, each time it is asked for.
#
# Guess: predict_p and predict_set of a fitted ConformalClassifier are functions of their input.
# Seen: smoothing is on by default and draws new random numbers in every call: of 2,000 objects none has an equal p-value in two calls, and some prediction
#   sets differ at 90 % confidence. With smoothing=False (or one seed for each call) they are equal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crepes==0.9.1 scikit-learn==1.9.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from crepes import ConformalClassifier
from crepes.extras import hinge

generator = np.random.default_rng(0)
probabilities = generator.dirichlet([1, 1, 1], 60)
classifier = ConformalClassifier().fit(hinge(probabilities, np.arange(3), probabilities.argmax(1)))
objects = hinge(generator.dirichlet([1, 1, 1], 2_000))
first, second = classifier.predict_p(objects), classifier.predict_p(objects)
sets = [classifier.predict_set(objects, confidence=0.9) for _ in range(2)]
plain = [classifier.predict_p(objects, smoothing=False) for _ in range(2)]
changed = int((np.asarray(sets[0]) != np.asarray(sets[1])).any(axis=1).sum())
print(f"equal p-values in two calls: {int((first == second).sum())} of {first.size}; other prediction sets: {changed} of 2,000")
assert not (first == second).any() and changed > 0
assert (plain[0] == plain[1]).all()
PY
