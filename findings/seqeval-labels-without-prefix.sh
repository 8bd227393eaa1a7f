#!/usr/bin/env bash
# seqeval 1.2.2: tags without a prefix lose their first letter, and two different ones may then count as the same entity.
#
# Guess: a tag without B- or I- is no entity of a known scheme: it is refused, or counts as outside, or as an entity of its
#   whole name.
# Seen: after a warning the first letter is taken as the prefix: PER becomes the entity "ER", and so does TER. Answering TER
#   where PER is right scores F1 1.0; PER beside TER is one entity of two words. In strict mode the same tags end in a bare
#   KeyError of the letter. Whoever has tags without prefixes has to give them one before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "setuptools<81" wheel numpy==2.4.6 scikit-learn==1.9.1
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-build-isolation seqeval==1.2.2
"$folder/venv/bin/python" - <<'PY'
import warnings

warnings.simplefilter("ignore")

from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2

wrong = f1_score([["PER", "O"]], [["TER", "O"]])
joined = get_entities(["PER", "TER"])
print("F1 of TER for PER:", wrong, "entities of PER TER:", joined)
assert wrong == 1.0
assert joined == [("ER", 0, 1)]
try:
    f1_score([["PER", "O"]], [["PER", "O"]], mode="strict", scheme=IOB2)
except KeyError as error:
    print("strict:", repr(error))
    assert error.args == ("P",)
else:
    raise SystemExit("strict mode takes them")
PY
