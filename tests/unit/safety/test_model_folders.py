"""Models load as safetensors and run no code: each test plants some, and looks whether it ran."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks import task_of
from stillhouse.errors import UserError

INFO = {"task": "text_classification", "target": "classes", "labels": ["a", "b"], "columns": {}, "max_length": 16}
task = task_of(Spec.of_model(INFO))


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model with its tokenizer, as transformers saves it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from stillhouse.components.modalities.text.tokenizer import train_tokenizer

    torch.manual_seed(1)
    path = tmp_path / "model"
    tokenizer = train_tokenizer(["buy cheap pills now"], vocab_size=300, max_length=16)
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), **small)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    (path / "model.json").write_text(json.dumps(INFO))
    return path


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def load(folder: Path) -> None:
    task.load(fetch_model(str(folder)))


def test_the_model_itself_loads(folder: Path) -> None:
    load(folder)


def test_pickled_weights_are_refused(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harm(marker)))
    with pytest.raises(UserError, match=r"its weights are in pytorch_model\.bin, a pickle, which is never opened"):
        load(folder)
    with pytest.raises(UserError, match=r"holds no model: model\.json and model\.safetensors are needed"):
        task.load(folder)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "tokenizer.pkl", "training_args.bin", "vocab.pkl", "model.joblib"]
)
def test_a_pickle_beside_the_weights_is_never_opened(folder: Path, marker: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(Harm(marker)))
    load(folder)
    assert not marker.exists()


def test_weights_that_are_a_pickle_by_another_name_are_refused(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Harm(marker)))
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read: it is not a safetensors file"):
        load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("shard", ["pytorch_model.bin", "../model.safetensors", "/etc/passwd", 7])
def test_an_index_that_names_other_files_is_refused(folder: Path, marker: Path, shard: Any) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harm(marker)))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"classifier.bias": shard}}))
    with pytest.raises(UserError, match=r"index\.json (names '.*', not a safetensors file|has no weight_map)"):
        load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_the_models_own_is_refused(folder: Path, marker: Path, name: str) -> None:
    (folder / "harm.py").write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    classes = {
        "AutoConfig": "harm.Config",
        "AutoModelForSequenceClassification": "harm.Model",
        "AutoTokenizer": ["harm.T"] * 2,
    }
    change(folder / name, auto_map=classes)
    with pytest.raises(UserError, match=rf"{name} asks for code of its own \(auto_map\), which is never run"):
        load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("text", ["", "[]", "[" * 10_000, "\udcff"])
def test_a_damaged_configuration_is_one_sentence(folder: Path, text: str) -> None:
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"config\.json (cannot be read|is not a JSON object)"):
        load(folder)


def test_checkpoints_and_hashes_are_read_without_pickle(marker: Path, tmp_path: Path) -> None:
    """Where the code reads arrays it asks for safetensors; a pickle in their place is an error of that format."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = tmp_path / "training_rows.safetensors"
    path.write_bytes(pickle.dumps(Harm(marker)))
    with pytest.raises(SafetensorError):
        load_file(path)
    assert not marker.exists()


def test_mlflow_unpickles_no_model(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import pyfunc
    from mlflow.exceptions import MlflowException

    from stillhouse.components.tracking.connection import connect

    path = tmp_path / "pickled"
    path.mkdir()
    (path / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    python_model: python_model.pkl\n"
        "    cloudpickle_version: 3.1.1\n    python_version: 3.11.0\nmlflow_version: 3.17.2\nmodel_uuid: a\n"
    )
    (path / "python_model.pkl").write_bytes(pickle.dumps(Harm(marker)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    connect(tmp_path / "home")
    with pytest.raises(MlflowException, match=r"(?i)pickle"):
        pyfunc.load_model(str(path))
    assert not marker.exists()
