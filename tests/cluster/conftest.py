"""Real runs on a cluster that the environment names, by the commands a person types; nothing here knows how it came
to be.

| variable | meaning |
|---|---|
| KF_PIPELINES_ENDPOINT | KFP's API |
| KF_PIPELINES_UI_ENDPOINT | its web interface |
| KUBECONFIG | the Kubernetes behind it |
| STILLHOUSE_OPTIONS | YAML of submit's options: images, store, MLflow, Secrets, hardware |
| AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY | the store, as this machine reaches it |
| STILLHOUSE_TEST_HOST | an address of this machine that pods reach: some servers of the tests stand there |
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cluster_runs import Runs

from stillhouse.components.storage.store import Store, open_store
from stillhouse.pipelines.cluster.connection import connect
from stillhouse.pipelines.recipes.recipe import SHIPPED

NEEDED = (
    "KF_PIPELINES_ENDPOINT",
    "KF_PIPELINES_UI_ENDPOINT",
    "KUBECONFIG",
    "STILLHOUSE_OPTIONS",
    "AWS_ENDPOINT_URL",
    "STILLHOUSE_TEST_HOST",
)
SMALL = """\
name: {name}
seed: {seed}
data:
  source: {source}
  columns: {{text: [subject, body], label: label}}
model:
  teacher: {{layers: 1, width: 32, heads: 1, vocab_size: 500, max_length: 64, dropout: 0.0}}
  student: {{architecture: {{layers: 1, width: 16, heads: 1, max_length: 64, dropout: 0.0}}}}
pretrain:
  objective: none
finetune:
  loop: {{epochs: {epochs}, max_length: 64, evaluations_per_epoch: 1}}
  optimizer: {{learning_rate: 0.003}}
distill:
  loop: {{epochs: 1, max_length: 64}}
promote: {{min_test_rows: 50, must_beat: [], max_latency_vs_teacher: 100.0, within_teacher: 1.0}}
"""
"""A recipe whose steps take seconds, but for the `epochs` of finetune; a seed of its own keeps it from the cache."""


@pytest.fixture(scope="session")
def runs() -> Runs:
    """The cluster that the environment names."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    assert not missing, f"set {', '.join(missing)}: these tests need a cluster (see tests/cluster/conftest.py)"
    options = yaml.safe_load(Path(os.environ["STILLHOUSE_OPTIONS"]).read_text())
    named = {name.replace("-", "_"): value for name, value in options.items()}
    return Runs(connect(os.environ["KF_PIPELINES_ENDPOINT"]), named)


@pytest.fixture(scope="session")
def store(runs: Runs) -> Store:
    """Where the runs keep checkpoints, promotions and models, as this machine reaches it."""
    return open_store(runs.options["store"])


@pytest.fixture(scope="session")
def write_small() -> Callable[..., Path]:
    """Writes a recipe that takes seconds, of a name of its own, and its data into a folder."""
    import pyarrow.parquet

    def write(folder: Path, name: str, rows: int = 900, epochs: int = 1) -> Path:
        table = pyarrow.parquet.read_table(SHIPPED / "data" / "spam-assassin.parquet")
        source = folder / "mails.parquet"
        pyarrow.parquet.write_table(table.take(list(range(0, len(table), len(table) // rows))), source)
        path = folder / f"{name}.yaml"
        now = time.time_ns()
        path.write_text(SMALL.format(name=f"{name}-{now}", seed=now % 2**31, source=source, epochs=epochs))
        return path

    return write


@pytest.fixture
def small(tmp_path: Path, write_small: Callable[..., Path]) -> Callable[..., Path]:
    """The same in the test's own folder."""
    return lambda name, **settings: write_small(tmp_path, name, **settings)
