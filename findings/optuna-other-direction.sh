#!/usr/bin/env bash
# optuna 5.0.0: create_study(load_if_exists=True) keeps the old study's direction and says nothing of the one that was asked for.
#
# Guess: asking for maximize under the name of a minimising study raises, or at least warns.
# Seen: the study is handed back as it was; best_value is the smallest, of a score that was to be maximised. No warning is raised or logged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging
import warnings

import optuna

warnings.simplefilter("error")
messages: list[str] = []


class Keep(logging.Handler):
    def emit(self, record):
        messages.append(record.levelname)


optuna.logging.get_verbosity()
logging.getLogger("optuna").addHandler(Keep())
storage = "sqlite:///studies.db"
optuna.create_study(study_name="accuracy", storage=storage, direction="minimize")
messages.clear()
study = optuna.create_study(study_name="accuracy", storage=storage, direction="maximize", load_if_exists=True)
study.add_trial(optuna.trial.create_trial(value=0.9))
study.add_trial(optuna.trial.create_trial(value=0.4))
print(f"asked for maximize, got {study.direction.name}; best of 0.9 and 0.4: {study.best_value}; messages {messages}")
assert study.direction.name == "MINIMIZE" and study.best_value == 0.4
assert not {"WARNING", "ERROR"} & set(messages)
PY
