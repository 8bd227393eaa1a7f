"""A home folder with a ready MLflow database, and no trace of the caller's environment."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from stillhouse.components.tracking.connection import RUN_TAG, STEP_TAG, connect
from stillhouse.components.tracking.sender import Sender
from stillhouse.components.tracking.spool import Event, read_events

RUN = "spam-20261122-151405"


@pytest.fixture
def home(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a run whose sender is somebody else (the test)."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(database, folder)
    monkeypatch.setenv("STILLHOUSE_HOME", str(folder))
    monkeypatch.setenv("STILLHOUSE_RUN", RUN)
    monkeypatch.setenv("STILLHOUSE_SENDER", "external")
    return folder


@pytest.fixture
def client(home: Path) -> MlflowClient:
    return connect(home)


@pytest.fixture
def spools(home: Path) -> Path:
    """Folder of the run's spools."""
    return home / RUN / "spool"


@pytest.fixture
def events(spools: Path) -> Callable[[str], list[Event]]:
    """What a step's spool holds."""
    return lambda step: [event for _, event in read_events(spools / f"{step}.jsonl")]


@pytest.fixture
def send(home: Path) -> Callable[[], None]:
    """A sender that begins, sends what there is, and goes."""
    return lambda: Sender(home, RUN).send()


@pytest.fixture
def mlflow_run(client: MlflowClient) -> Callable[[str], Run]:
    """The MLflow run of a step (`pipeline` is the parent); there must be one and no second."""

    def find(step: str) -> Run:
        everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
        (run,) = client.search_runs(everywhere, f"tags.`{RUN_TAG}` = '{RUN}' and tags.`{STEP_TAG}` = '{step}'")
        return run

    return find


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT for two classes, as save_pretrained writes it, with its model.json."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "cheap", "pills", "see", "you", "tomorrow"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    config.num_labels = 2
    BertForSequenceClassification(config).save_pretrained(folder)
    info = {"target": "classes", "labels": ["ham", "spam"], "max_length": 16, "dataset_digest": "d" * 64}
    (folder / "model.json").write_text(json.dumps(info))
    return folder
