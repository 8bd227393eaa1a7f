#!/usr/bin/env bash
# implicit 0.7.3: precision_at_k is hits divided by min(K, number of liked items), summed over users first.
#
# Guess: the mean over users of hits / K, as in every text book: for two users with one hit each among K = 10 that is 0.1.
# Seen: user A likes 1 item and is given it, user B likes 2 and is given 1 of them: 0.6667 = (1 + 1) / (1 + 2), so nearer to a recall, and
#   a user with more likes weighs more. A model compared by this figure with another library's precision@10 looks seven times better.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check implicit==0.7.3 numpy==2.1.3 scipy==1.14.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from implicit.evaluation import precision_at_k
from scipy.sparse import csr_matrix

ITEMS, K = 20, 10


def matrix(likes: list[tuple[int, int]]) -> csr_matrix:
    rows, columns = np.array(likes, dtype=np.int32).reshape(-1, 2).T
    made = csr_matrix((np.ones(len(likes), np.float32), (rows, columns)), shape=(2, ITEMS))
    made.indices, made.indptr = made.indices.astype(np.int32), made.indptr.astype(np.int32)
    return made


class FirstItems:
    """Recommends items 0 to K - 1 to everybody."""

    def recommend(self, users, user_items, N, **_):
        return np.tile(np.arange(N, dtype=np.int32), (len(users), 1)), np.zeros((len(users), N), np.float32)


likes = [(0, 0), (1, 0), (1, 19)]
precision = precision_at_k(FirstItems(), matrix([]), matrix(likes), K=K, show_progress=False)
print(f"implicit {precision:.4f}, mean of hits / K {(1 / K + 1 / K) / 2:.4f}")
assert abs(precision - 2 / 3) < 1e-9
PY
