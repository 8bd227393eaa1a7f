#!/usr/bin/env bash
# skops 0.16.0: a model's deque comes back empty, and of the keys "1" and 1 of one dictionary one is left.
#
# Guess: what skops.io.dumps takes and loads gives back has equal values; what it cannot write it refuses, as it does with a complex number.
# Seen: dumps and loads of an estimator that keeps its last scores in a deque (a window for drift, a buffer for calibration) succeed,
#   get_untrusted_types names the deque, and after loading it is there with no element and no maxlen. {"1": 0.2, 1: 0.8} becomes {"1": 0.8}, a
#   value of one key under the other. A list or dictionary of an own class loses its attributes. No warning; pickle keeps all of it, and so does
#   skops where the window is a list or an array. So a model's round trip wants a test by value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check skops==0.16.0 scikit-learn==1.9.1
cd "$folder"
cat > monitored.py <<'PY'
from collections import deque

from sklearn.base import BaseEstimator


class Named(list):
    """A list with a name."""


class Monitored(BaseEstimator):
    """An estimator that keeps the last scores it saw."""

    def fit(self, scores, groups=None):
        self.recent_ = deque(scores, maxlen=3)
        self.recent_list_ = list(scores)
        self.thresholds_ = groups or {}
        self.classes_ = Named(["no", "yes"])
        self.classes_.source = "labels"
        return self
PY
cat > probe.py <<'PY'
import pickle

import skops.io
from monitored import Monitored


def round_trip(model: Monitored) -> Monitored:
    data = skops.io.dumps(model)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


model = Monitored().fit([0.7, 0.8, 0.9], {"1": 0.2, 1: 0.8})
loaded, pickled = round_trip(model), pickle.loads(pickle.dumps(model))
print(f"deque: {model.recent_} -> {loaded.recent_}; list: {loaded.recent_list_}")
print(f"dictionary: {model.thresholds_} -> {loaded.thresholds_}")
print(f"attributes of an own list: {vars(model.classes_)} -> {vars(loaded.classes_)}")
assert (pickled.recent_, pickled.recent_.maxlen) == (model.recent_, 3)
assert pickled.thresholds_ == model.thresholds_ and pickled.classes_.source == "labels"
assert loaded.recent_list_ == [0.7, 0.8, 0.9]
assert len(loaded.recent_) == 0 and loaded.recent_.maxlen is None
assert loaded.thresholds_ == {"1": 0.8}
assert type(loaded.classes_) is type(model.classes_) and not hasattr(loaded.classes_, "source")
PY
"$folder/venv/bin/python" probe.py
