#!/usr/bin/env bash
# treelite 4.8.1 with scikit-learn 1.9.1: gradient boosting with the exponential loss is imported and gives other probabilities.
#
# Guess: treelite.sklearn.import_model gives a model with the probabilities of predict_proba, to rounding, or refuses what it does not know.
# Seen: with the logistic loss they are equal to 1e-7. With loss="exponential" the import succeeds and a probability p comes out as
#   sqrt(p) / (sqrt(p) + sqrt(1 - p)): 0.02 as 0.125, all of them drawn towards one half, because scikit-learn takes the sigmoid of twice the score there and
#   treelite of the score. The order of rows and the answers at 0.5 stay, so accuracy and AUC see nothing; a threshold, an
#   expected cost or a calibration does. Twice the raw score through a sigmoid gives scikit-learn's values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check treelite==4.8.1 scikit-learn==1.9.1 numpy==2.4.6
cd "$folder"
cat > probe.py <<'PY'
import numpy as np
import treelite
from scipy.special import expit
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

generator = np.random.default_rng(0)
rows = generator.normal(size=(2_000, 4))
labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] + generator.normal(0, 0.3, 2_000) > 0).astype(int)

for loss in ("log_loss", "exponential"):
    model = GradientBoostingClassifier(loss=loss, random_state=0).fit(rows, labels)
    imported = treelite.sklearn.import_model(model)
    theirs = np.squeeze(treelite.gtil.predict(imported, rows))
    ours = model.predict_proba(rows)[:, 1]
    print(f"{loss}: largest difference {abs(ours - theirs).max():.7f}, smallest {ours.min():.4f} and {theirs.min():.4f}", end=", ")
    print(f"AUC {roc_auc_score(labels, ours):.4f} and {roc_auc_score(labels, theirs):.4f}", end=", ")
    print(f"log loss {log_loss(labels, ours):.3f} and {log_loss(labels, theirs):.3f}")
    if loss == "log_loss":
        assert abs(ours - theirs).max() < 1e-5
        continue
    assert abs(ours - theirs).max() > 0.1
    assert abs(np.sqrt(ours) / (np.sqrt(ours) + np.sqrt(1 - ours)) - theirs).max() < 1e-5
    assert abs(expit(2 * np.squeeze(treelite.gtil.predict(imported, rows, pred_margin=True))) - ours).max() < 1e-5
    assert ((ours > 0.5) == (theirs > 0.5)).all()
PY
"$folder/venv/bin/python" probe.py
