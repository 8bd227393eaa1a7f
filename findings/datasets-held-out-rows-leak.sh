#!/usr/bin/env bash
# datasets 5.2.0: take() and skip() of one shuffled stream share no row in the first epoch, and do from the second on.
#
# Guess: held_out = stream.take(100) and training = stream.skip(100) of a stream shuffled with a fixed seed are disjoint for good; set_epoch
#   (which a trainer calls before each epoch) gives the rows of `training` another order.
# Seen: what set_epoch changes is the shuffle below skip(), so other rows are skipped: from set_epoch(1) on about nine in ten of the held-out
#   rows are trained on, and a score on them is no longer one of unseen rows. The guide to streaming says to shuffle before
#   splitting and to call set_epoch between epochs: each is right alone. Split by take() and skip() of the plain stream and shuffled
#   after that, the two stay apart and the order still changes with the epoch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0
cd "$folder"
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - <<'PY'
import datasets

ROWS, HELD_OUT, EPOCHS = 1_000, 100, 3


def stream() -> datasets.IterableDataset:
    return datasets.Dataset.from_dict({"row": range(ROWS)}).to_iterable_dataset()


def rows(of: datasets.IterableDataset) -> list[int]:
    return [example["row"] for example in of]


def trained_on(held_out: datasets.IterableDataset, training: datasets.IterableDataset) -> list[int]:
    """How many of the held-out rows each epoch trains on."""
    unseen, counts, orders = set(rows(held_out)), [], []
    assert len(unseen) == HELD_OUT
    for epoch in range(EPOCHS):
        training.set_epoch(epoch)
        orders.append(rows(training))
        assert len(set(orders[-1])) == ROWS - HELD_OUT
        counts.append(len(unseen & set(orders[-1])))
    assert orders[0] != orders[1]
    return counts


shuffled = stream().shuffle(seed=0, buffer_size=ROWS)
after = trained_on(shuffled.take(HELD_OUT), shuffled.skip(HELD_OUT))
before = trained_on(stream().take(HELD_OUT), stream().skip(HELD_OUT).shuffle(seed=0, buffer_size=ROWS))
print(f"held-out rows of {HELD_OUT} trained on in epochs 0, 1, 2: split after shuffling {after}, before {before}")
assert after[0] == 0 and min(after[1:]) > 80
assert before == [0] * EPOCHS
PY
