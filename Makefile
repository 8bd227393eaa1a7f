# make retrain: set up and run the main job; make test: set up, check and test.
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9

.PHONY: setup retrain test test-faults test-cluster check browser lock format bench first-day results images checkov

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock images/english-base.lock pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	test -x $(UV) || $(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements.lock \
	  images/english-base.lock
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# setuptools and uv are part of the lock, so that sync leaves them where the next set-up looks for them.
# The images' locks hold the same versions: what is tested is what is shipped.
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate
lock:
	$(COMPILE) --extra local --group dev --group build pyproject.toml -o requirements.lock
	$(COMPILE) --constraint requirements.lock pyproject.toml -o images/light.lock
	$(COMPILE) --constraint requirements.lock --extra training pyproject.toml -o images/training.lock
	$(COMPILE) --constraint requirements.lock --group mlflow-server -o images/mlflow.lock
	$(COMPILE) --constraint requirements.lock --group image-build -o images/build.lock
	sed -n 's/^english-base = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(COMPILE) --no-deps - -o images/english-base.lock
	$(COMPILE) --group checkov -o manifests/checkov.lock

retrain: setup
	$(BIN)/stillhouse run spam

# BASE=… for another base image, REPOSITORY=… for another name before the slash; see docs/images.md.
images:
	images/build

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check --summarize-errors

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The report and the data card are tried in a real browser: Debian's Chromium.
browser:
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }

# Looks through the manifests, in an environment of its own: its pins go against ours.
checkov: $(VENV)/checkov/.installed

$(VENV)/checkov/.installed: manifests/checkov.lock | setup
	test -x $(@D)/bin/python || $(UV) venv --quiet --python $(BIN)/python $(@D)
	VIRTUAL_ENV=$(@D) $(UV) pip sync --quiet --require-hashes $<
	touch $@

# A file of tests in each process, a process for each processor; the whole runs, which take longest, come first.
test: check browser checkov
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadfile \
	  --no-loadscope-reorder --durations 20

# Kills, broken stores, dead servers. Wants a `minio` in PATH (see docs/reliability.md).
test-faults: setup
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest tests/faults -m faults

# Wants a cluster, which the environment names (see tests/cluster/conftest.py).
test-cluster: setup
	$(BIN)/pytest tests/cluster -m cluster

# Ratios against named peers; too noisy to be a test.
bench: setup
	$(BIN)/python tests/bench/training.py
	$(BIN)/python tests/bench/training.py --length 512
	$(BIN)/python tests/bench/training.py --layers 6 --width 384 --length 512 --rows 256
	$(BIN)/python tests/bench/orchestration.py

# Quality of the README's five lines against a baseline and a peer (docs/results.md). About a day on two cores; it goes
# on where it was stopped.
first-day: setup
	$(BIN)/python tests/bench/first_day.py

# Each kind of problem on data that no setting was chosen by: teacher, student, the student alone, baselines
# (docs/results.md). About an hour on two cores; it goes on where it was stopped.
results: setup
	$(BIN)/python tests/bench/kinds.py
